"""Figures and drawings: there, the same bytes twice, and honest about what they lack. How they look is for eyes."""

import json
import random
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from harness.analysis import results as frames
from harness.analysis import summaries
from harness.report import build as tables
from harness.report.figures import drawing, gallery, style
from harness.report.figures import every as figures
from harness.report.figures.drawing import draw
from spaces.base import UserError
from tests import synthetic_records as synthetic

pytestmark = pytest.mark.filterwarnings("error")  # matplotlib warns where it takes a colour for data
COMPARED = {"ri", "random_distribution", "critical_difference", "cost_matched", "cost_gain"}
NAMES = {*COMPARED, "depth_gap", "depth_points", "search_curves", "accuracy_macs"}
SPACES = {f"architectures_{space}" for space in ("darts", "enas", "fbnet", "single_path")}


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    synthetic.make(folder, ("digits",), seeds=2, baseline=3)
    return frames.read(folder)


def test_every_figure_comes_as_png_svg_pdf_and_data_the_same_twice(results, tmp_path):
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    figures.draw_all(results, tmp_path / "a")
    figures.draw_all(results, tmp_path / "b")
    assert (np.random.get_state()[1] == before).all()
    made = contents(tmp_path / "a")
    assert set(made) == {f"{name}.{kind}" for name in NAMES | SPACES for kind in ("png", "svg", "pdf", "csv")}
    assert made == contents(tmp_path / "b")


def test_figures_without_data_are_still_written(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("dataset,space,method,seed,accuracy\nd,s,random_sampling,0,80\nd,s,m,0,81\n")
    tables.build(path, tmp_path)
    assert {path.stem for path in (tmp_path / "figures").glob("*.png")} == {*NAMES, "architectures_s"}
    assert (tmp_path / "relative_improvement.tex").exists()


def foreign(folder, methods, datasets, arch=""):
    """Results of methods with long names, as a CSV."""
    lines = ["dataset,space,method,seed,accuracy,arch"]
    for dataset in datasets:
        for m in [*methods, "random_sampling"]:
            row = f"{dataset},a_space_of_cells_with_a_long_name,{m}"
            lines += [f"{row},{seed},{70 + 3 * seed + 5 * (m != 'random_sampling')},{arch}" for seed in range(3)]
    (folder / "long.csv").write_text("\n".join(lines) + "\n")
    return frames.read(folder / "long.csv")


LONG = [f"progressive_differentiable_architecture_search_of_kind_{i}" for i in range(12)]


@pytest.mark.parametrize("many", [True, False])
def test_nothing_in_a_figure_is_cut_off_by_its_edge(many, results, tmp_path):
    data = foreign(tmp_path, LONG, ("CIFAR-10", "a_dataset_with_a_long_name_in_three_parts", "c"), "|a~0|+|b~0|c~1|")
    style.set_style()
    drawn = {**figures._compared(data if many else results), **figures._looked_at(data if many else results)}
    for name, (rows, draw_it) in drawn.items():
        if len(rows):
            figure = draw_it()
            figure.canvas.draw()
            inked, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
            assert min(inked.x0, inked.y0) > -0.02, name
            assert inked.x1 < width + 0.02 and inked.y1 < height + 0.02, name
            plt.close(figure)


def test_fourteen_methods_have_fourteen_colours_and_none_is_that_of_random():
    colours = style.colours([*map(str, range(14)), "random_sampling"])
    assert len({to_rgb(colour) for colour in colours.values()}) == 15


def test_an_interval_that_is_too_wide_is_cut_and_presses_no_other_together():
    values, low, high = pd.Series([1.0] * 20), pd.Series([-1.0] * 20), pd.Series([2.0] * 19 + [500.0])
    assert style.reach(values, low, high) < 5


def test_a_gallery_draws_every_operation_and_every_block(results):
    runs = frames.in_percent(summaries.runs(results))
    found = gallery.found(runs)
    assert set(found["method"]) == {"darts", "enas", "fbnet", "single_path"}
    cells = found[found["space"] == "darts"]
    axis = gallery.draw(cells).axes[0]
    ops = [json.loads(arch)[kind] for arch in cells["arch"] for kind in ("normal", "reduce")]
    arcs = {line.get_label(): np.isnan(line.get_xdata()).sum() for line in axis.lines}
    assert arcs == dict(Counter(op.replace("_", " ") for cell in ops for op, _ in cell))
    strips = found[found["space"] == "fbnet"]
    bars = gallery.draw(strips).axes[0].patches
    assert sum(bar.get_height() > 0 for bar in bars) == sum(b != "skip" for a in strips["arch"] for b in a.split(","))
    plt.close("all")


def test_a_gallery_prints_what_it_cannot_draw(tmp_path):
    runs = frames.in_percent(summaries.runs(foreign(tmp_path, ["m"], ["d"], '"{""normal"": ["')))
    (text,) = gallery.draw(gallery.found(runs)).findobj(lambda artist: isinstance(artist, Text) and artist.get_text())
    assert text.get_text().count("normal") == 3
    plt.close("all")


GENOTYPE = synthetic.genotype(random.Random(0))
STRIP = synthetic.architecture("fbnet", random.Random(0))


@pytest.mark.parametrize("text", [GENOTYPE, STRIP, "3x3-3,5x5-6,skip", "|conv~0|+|skip~0|pool~1|", '{"depth": 3}'])
@pytest.mark.parametrize("kind", ["png", "svg"])
def test_drawings_are_the_same_bytes_twice(text, kind, tmp_path):
    for name in ("a", "b"):
        draw("darts", text, tmp_path / f"{name}.{kind}")
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_two_architectures_have_two_drawings(tmp_path):
    draw("darts", GENOTYPE, tmp_path / "a.svg")
    draw("darts", synthetic.genotype(random.Random(1)), tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() != (tmp_path / "b.svg").read_bytes()


def test_every_operation_of_a_cell_is_drawn_to_the_right_of_what_it_reads():
    cell = json.loads(GENOTYPE)
    graph = drawing._graph("normal", cell["normal"], cell["normal_concat"])
    place = drawing._layout(graph)
    assert list(graph.ops.values()) == [op for op, _ in cell["normal"]]
    assert set(graph.ops) < set(place) == set(graph.sources)
    assert len(set(place.values())) == len(place)
    for vertex, sources in graph.sources.items():
        layers = [place[source][0] for source in sources]
        assert place[vertex][0] == max(layers, default=-1) + 1
    assert graph.sources["c(k)"] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("  ", "is empty"),
        ('{"normal": [', "is not JSON"),
        ('{"normal": [["skip_connect", 2]], "reduce": []}', "input 2 of skip_connect does not come before node 0"),
        ('{"normal": [["a", 0], ["b", 1]], "normal_concat": [9], "reduce": []}', "concatenates node 9"),
    ],
)
def test_bad_text(text, says, tmp_path):
    with pytest.raises(UserError, match=r"normal cell|architecture") as error:
        draw("darts", text, tmp_path / "a.png")
    assert says in str(error.value)
    assert not (tmp_path / "a.png").exists()

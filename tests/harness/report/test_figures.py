"""Figures and drawings: there, the same bytes twice, and honest about what they lack. How they look is for eyes."""

import json
import random
import re
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from harness.analysis.analysis import Analysis
from harness.analysis.results import read_results
from harness.report.build import build, draw_figures, figure_data, write_data
from harness.report.figures import architectures, drawing, style
from harness.report.figures.drawing import draw
from harness.report.outline import entries
from spaces.base import UserError
from tests import synthetic_records as synthetic

pytestmark = pytest.mark.filterwarnings("error")  # matplotlib warns where it takes a colour for data
COMPARED = {"ri", "random_distribution", "critical_difference", "cost_matched", "cost_gain"}
NAMES = {*COMPARED, "anytime", "collapse", "methods", "depth_gap", "depth_points", "search_curves", "accuracy_macs"}
NAMES |= {"study_ladder", "study_ranks", "study_cost", "study_variance", "study_swaps", "fronts", "proxies"}
SPACES = {f"architectures_{space}" for space in ("darts", "enas", "fbnet", "single_path")}


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def analysis(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    synthetic.make(folder, ("digits",), seeds=2, baseline=3)
    return Analysis(read_results(folder))


@pytest.mark.slow
def test_every_figure_comes_as_png_svg_pdf_and_data_the_same_twice(analysis, tmp_path):
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    draw_figures(analysis, write_data(analysis, tmp_path / "a"), tmp_path / "a")
    draw_figures(analysis, write_data(analysis, tmp_path / "b"), tmp_path / "b")
    assert (np.random.get_state()[1] == before).all()
    made = bytes_of(tmp_path / "a")
    assert set(made) == {f"{name}.{kind}" for name in NAMES | SPACES for kind in ("png", "svg", "pdf", "csv")}
    assert made == bytes_of(tmp_path / "b")


@pytest.mark.parametrize("name", ["ri", "random_distribution"])
def test_more_panels_than_anyone_looks_at_are_not_drawn(analysis, tmp_path, name, monkeypatch):
    figures = write_data(analysis, tmp_path)
    monkeypatch.setattr(style, "MOST_PANELS", 0)
    said = []
    monkeypatch.setattr(style, "save", lambda figure, path: said.extend(text.get_text() for text in figure.texts))
    assert list(draw_figures(analysis, {name: figures[name]}, tmp_path)) == [f"figures/{name}"]
    assert re.fullmatch(rf"{name.replace('_', ' ')}:\n\d panels are too many to look at: .* in the CSV", *said)
    assert len(pd.read_csv(tmp_path / f"{name}.csv")) == len(figures[name][1])


def test_figures_without_data_are_still_written(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("dataset,space,method,seed,accuracy\nd,s,random_sampling,0,80\nd,s,m,0,81\n")
    build(path, tmp_path)
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
    return Analysis(read_results(folder / "long.csv"))


LONG = [f"progressive_differentiable_architecture_search_of_kind_{i}" for i in range(12)]


@pytest.mark.parametrize("many", [True, False])
def test_nothing_in_a_figure_is_cut_off_by_its_edge(many, analysis, tmp_path):
    data = foreign(tmp_path, LONG, ("CIFAR-10", "a_dataset_with_a_long_name_in_three_parts", "c"), "|a~0|+|b~0|c~1|")
    shown = data if many else analysis
    style.set_style()
    colours = style.colours(shown.methods)
    for entry in entries("figures"):
        for name, rows in figure_data(entry, shown).items():
            if len(rows):
                figure = entry.module().draw(rows, colours)
                figure.canvas.draw()
                inked, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
                assert min(inked.x0, inked.y0) > -0.02, name
                assert inked.x1 < width + 0.02 and inked.y1 < height + 0.02, name
                said = [text.get_text() for text in figure.findobj(Text)]
                assert any(re.search(r"\bn = \d", text) for text in said), f"{name} says no n"
                assert not any(re.search(r"single_path|\bdarts\b|\bdigits\b", text) for text in said), name
                plt.close(figure)


def test_the_users_own_settings_change_no_figure(tmp_path):
    """As a matplotlibrc or a notebook sets them: fonts, sizes, resolution."""
    data = foreign(tmp_path, ["m"], ["d"])
    draw_figures(data, write_data(data, tmp_path / "a"), tmp_path / "a")
    strange = {"font.family": "serif", "lines.linewidth": 5, "savefig.pad_inches": 1, "figure.dpi": 300}
    strange |= {"savefig.bbox": "tight", "axes.unicode_minus": False, "legend.framealpha": 0.1, "pdf.compression": 0}
    plt.rcParams.update(strange)
    draw_figures(data, write_data(data, tmp_path / "b"), tmp_path / "b")
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


def test_fourteen_methods_have_fourteen_colours_and_none_is_that_of_random():
    colours = style.colours([*map(str, range(14)), "random_sampling"])
    assert len({to_rgb(colour) for colour in colours.values()}) == 15


def test_an_interval_that_is_too_wide_is_cut_and_presses_no_other_together():
    values, low, high = pd.Series([1.0] * 20), pd.Series([-1.0] * 20), pd.Series([2.0] * 19 + [500.0])
    assert style.reach(values, low, high) < 5


def test_every_operation_and_every_block_of_what_was_found_is_drawn(analysis):
    found = architectures.data(analysis)
    assert set(found["method"]) == {"darts", "enas", "fbnet", "single_path"}
    cells = found[found["space"] == "darts"]
    axis = architectures.draw(cells, {}).axes[0]
    ops = [json.loads(arch)[kind] for arch in cells["arch"] for kind in ("normal", "reduce")]
    drawn = [line for line in axis.lines if not line.get_label().startswith("_")]
    arcs = {line.get_label(): np.isnan(line.get_xdata()).sum() for line in drawn}
    assert arcs == dict(Counter(op.replace("_", " ") for cell in ops for op, _ in cell))
    strips = found[found["space"] == "fbnet"]
    bars = [bar for bar in architectures.draw(strips, {}).axes[0].patches if bar.get_height() > 0]
    blocks = [block for arch in strips["arch"] for block in arch.split(",") if block != "skip"]
    heights = {drawing.bar(block)[0] for block in blocks}
    assert len(bars) == len(blocks) + len(heights)  # and a grey one that says what each height means
    plt.close("all")


def test_what_cannot_be_drawn_is_printed(tmp_path):
    found = architectures.data(foreign(tmp_path, ["m"], ["d"], '"{""normal"": ["'))
    (text,) = architectures.draw(found, {}).findobj(lambda artist: isinstance(artist, Text) and artist.get_text())
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

"""Figures and drawings: there, the same bytes twice, and honest about what they lack. How they look is for eyes."""

import json
import random

import numpy as np
import pytest
import synthetic_records as synthetic

from harness import figures, frames, tables
from harness.drawing import draw
from spaces.base import UserError

pytestmark = pytest.mark.filterwarnings("error")  # matplotlib warns where it takes a colour for data
NAMES = {"ri", "random_distribution", "depth_gap", "search_curves", "accuracy_macs"}


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    synthetic.make(folder, ("digits",), seeds=2, baseline=3)
    return frames.read(folder)


def test_every_figure_comes_as_png_svg_and_data_the_same_twice(results, tmp_path):
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    figures.draw_all(results, tmp_path / "a")
    figures.draw_all(results, tmp_path / "b")
    assert (np.random.get_state()[1] == before).all()
    made = contents(tmp_path / "a")
    assert set(made) == {f"{name}.{kind}" for name in NAMES for kind in ("png", "svg", "csv")}
    assert made == contents(tmp_path / "b")


def test_figures_without_data_are_still_written(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("dataset,space,method,seed,accuracy\nd,s,random_sampling,0,80\nd,s,m,0,81\n")
    tables.build(path, tmp_path)
    assert {path.stem for path in (tmp_path / "figures").glob("*.png")} == NAMES
    assert (tmp_path / "relative_improvement.tex").exists()


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


def test_every_operation_of_a_cell_is_drawn(tmp_path):
    import networkx

    from harness import drawing

    cell = json.loads(GENOTYPE)
    graph = drawing._graph("normal", cell["normal"], cell["normal_concat"])
    drawn = [op for _, op in graph.nodes(data="op") if op]
    assert drawn == [op for op, _ in cell["normal"]]
    assert networkx.is_directed_acyclic_graph(graph)
    assert set(graph.predecessors("c(k)")) == {"0", "1", "2", "3"}


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

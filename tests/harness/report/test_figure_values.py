"""Figures show the right values: what they are drawn from is given here."""

import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.text import Text

from harness.analysis.searched import chance
from harness.plan import registry, titles
from harness.report.figures import (
    accuracy_macs,
    architectures,
    cost_gain,
    critical_difference,
    depth_points,
    random_distribution,
    ri,
    search_curves,
    style,
)
from methods.parts.queries import QueryMethod

pytestmark = pytest.mark.filterwarnings("error")
MANY = [name for name in registry.names("methods") if name != "random_sampling"]


@pytest.fixture(autouse=True)
def _style():
    style.set_style()
    yield
    plt.close("all")


def effects(ends, method="darts", dataset="digits"):
    """One row per interval, as the table of relative improvement has them."""
    rows = [{"ri": 0.5, "holm_low": low, "holm_high": high} for low, high in ends]
    same = {"dataset": dataset, "space": "darts", "verdict": "better", "n_method": 5, "n_random": 10}
    return pd.DataFrame(rows).assign(method=[method] * len(rows) if isinstance(method, str) else method, **same)


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text().strip()]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def arrows(axis):
    return [(line.get_marker(), float(line.get_xdata()[0])) for line in axis.lines if line.get_gid() == style.CUT]


NEAR = [(-1 - i / 10, 2 + i / 10) for i in range(12)]


@pytest.mark.parametrize(("widest", "heads"), [((-9, 9), []), ((-300, 2), ["<"]), ((-400, 500), ["<", ">"])])
def test_an_axis_holds_every_interval_or_an_arrow_says_that_one_goes_on(widest, heads):
    table = effects([*NEAR, widest], [f"m{i}" for i in range(13)])
    figure = ri.draw(table, style.colours(table["method"]))
    (axis,) = figure.axes
    low, high = axis.get_xlim()
    assert [marker for marker, _ in arrows(axis)] == heads
    outside = [(a, b) for a, b in zip(table["holm_low"], table["holm_high"]) if a < low or b > high]
    assert outside == ([widest] if heads else [])
    assert ("interval goes on" in legend(figure)) == bool(heads)
    assert low < -1 and high < 30 and "Digits (n = 5 vs 10 random)" in texts(figure)


def test_arrows_touch_no_number():
    table = effects([*NEAR, (-400, 500)], [f"m{i}" for i in range(13)])
    figure = ri.draw(table, style.colours(table["method"]))
    figure.canvas.draw()
    (axis,) = figure.axes
    numbers = [text.get_window_extent() for text in axis.texts]
    heads = [line.get_window_extent() for line in axis.lines if line.get_gid() == style.CUT]
    assert len(numbers) == 13 and len(heads) == 2
    assert all(head.x1 < number.x0 for head in heads for number in numbers)
    assert all(head.x0 >= axis.bbox.x0 and head.x1 <= axis.bbox.x1 for head in heads)


def test_cost_against_gain_marks_what_it_cuts_and_sets_equal_costs_apart():
    table = effects([*NEAR, (-400, 500)], [f"m{i}" for i in range(13)])
    table = table.assign(retrainings=[0.65] * 2 + [float(i) for i in range(2, 13)])
    figure = cost_gain.draw(table, style.colours(table["method"]))
    (axis,) = figure.axes
    assert [marker for marker, _ in arrows(axis)] == ["v", "^"]
    assert {"interval goes on", "significant", "not significant"} <= set(legend(figure))
    assert cost_gain._shifts(pd.Series([0.65, 0.651, 2.0])) == [-cost_gain.APART / 2, cost_gain.APART / 2, 0]


@pytest.mark.parametrize("costs", [(4.0, 46.4), (1.0, 9.0), (0.002, 3000.0)])
@pytest.mark.parametrize("ends", [(-1, 2), (-300, 400)])
def test_every_mark_of_cost_lies_within_its_axis(costs, ends, tmp_path):
    """Marks are shifted, so matplotlib sets no limits by them: a figure with limits elsewhere could not be saved."""
    table = effects([(-1, 2), ends], ["darts", "enas"]).assign(retrainings=costs)
    figure = cost_gain.draw(table, style.colours(table["method"]))
    low, high = figure.axes[0].get_xlim()
    assert low < min(costs) and max(costs) < high
    style.save(figure, tmp_path / "cost_gain")


def ranks(values, difference, datasets=5, p=0.126):
    methods = ["random_sampling" if i == len(values) - 1 else f"m{i}" for i in range(len(values))]
    same = {"space": "s", "datasets": datasets, "p_friedman": p, "difference": difference}
    return pd.DataFrame({"method": methods, "rank": values}).assign(**same)


@pytest.mark.parametrize(
    ("difference", "joined"),
    [(1.0, [(1.2, 2.0), (3.3, 4.3), (4.3, 4.5)]), (4.0, [(1.2, 4.5)]), (0.5, [(4.3, 4.5)]), (0.1, [])],
)
def test_bars_of_the_diagram_join_what_does_not_differ(difference, joined):
    """(3.3, 4.3) and (4.3, 4.5) share a method: 3.3 and 4.5 differ by more than 1."""
    found = ranks([1.2, 2.0, 3.3, 4.3, 4.5], difference)
    figure = critical_difference.draw(found, style.colours(found["method"]))
    (axis,) = figure.axes
    bars = [line for line in axis.lines if line.get_gid() == "bar"]
    assert [tuple(line.get_xdata()) for line in bars] == [pytest.approx((a - 0.04, b + 0.04)) for a, b in joined]
    (length,) = [np.ptp(line.get_xdata()) for line in axis.lines if line.get_gid() == "difference"]
    assert length == pytest.approx(difference)
    said = " ".join(texts(figure))
    assert f"CD = {difference:.2f}" in said and "n = 5 datasets" in said and "Friedman p = 0.126" in said
    levels = critical_difference.levels([(0, 1), (2, 3), (3, 4)])
    assert levels[0, 1] == levels[2, 3] == 0 and levels[3, 4] == 1


def test_the_diagram_has_the_best_at_the_right_and_an_elbow_for_every_method():
    found = ranks([1.2, 2.0, 3.3, 4.3, 4.5], 1.0)
    (axis,) = critical_difference.draw(found, style.colours(found["method"])).axes
    assert axis.xaxis_inverted() and axis.xaxis.get_ticks_position() == "top"
    elbows = {line.get_xdata()[0]: line for line in axis.lines if len(line.get_xdata()) == 3}
    assert list(elbows) == list(found["rank"])
    places = {text.get_text(): text.get_ha() for text in axis.texts if "(" in text.get_text()}
    assert places == {
        **{"m0 in s (1.20)": "left", "m1 in s (2.00)": "left", "m2 in s (3.30)": "left"},
        **{"m3 in s (4.30)": "right", "Random sampling (4.50)": "right"},
    }


def test_one_dataset_has_ranks_and_no_test():
    found = ranks([1.0, 2.0], np.nan, datasets=1, p=np.nan)
    figure = critical_difference.draw(found, style.colours(found["method"]))
    assert not [line for line in figure.axes[0].lines if line.get_gid()]
    assert "average ranks, n = 1 dataset: no test" in texts(figure)


def test_panels_of_two_depths_differ_in_their_titles_and_the_line_has_a_name():
    pairs = [(4, 8), (4, 20), (8, 20)]
    rows = [("mnist5k", "darts", m, a, 90.0 + i, b, 91.0) for a, b in pairs for i, m in enumerate(["darts", "enas"])]
    columns = ["dataset", "space", "method", "cells_small", "accuracy_small", "cells_large", "accuracy_large"]
    data = pd.DataFrame(rows, columns=columns)
    figure = depth_points.draw(data, style.colours(data["method"]))
    heads = [axis.get_title(loc="left") for axis in figure.axes]
    assert heads == [f"MNIST-5k, DARTS\n{a} and {b} cells, n = 2" for a, b in pairs]
    assert legend(figure) == ["DARTS", "ENAS", "same accuracy at both"]


def curves(*methods, metric="val_accuracy"):
    rows = [("digits", "s", m, seed, metric, e, 10.0 + e) for m in methods for seed in (0, 1) for e in range(3)]
    data = pd.DataFrame(rows, columns=["dataset", "space", "method", "seed", "metric", "epoch", "value"])
    return data.assign(of=data["method"].map(search_curves.KINDS).fillna("as logged"), chance=10.0)


def test_mixtures_and_single_paths_have_panels_of_their_own_and_chance_a_line():
    data = curves("darts", "fbnet", "enas", "my_own")
    figure = search_curves.draw(data, style.colours(data["method"]))
    shown = {axis.get_title(loc="left"): {line.get_color() for line in axis.lines} for axis in figure.axes}
    colours = style.colours(data["method"])
    known = {
        "Digits: as logged (n = 2)": ["my_own"],
        **{"Digits: mixtures (n = 2)": ["darts", "fbnet"], "Digits: single paths\nn = 2": ["enas"]},
    }
    assert shown == {
        head: {colours[name] for name in names} | {search_curves.CHANCE["color"]} for head, names in known.items()
    }
    assert all([10.0, 10.0] in [list(line.get_ydata()) for line in axis.lines] for axis in figure.axes)
    assert "chance" in legend(figure)
    assert chance("glyphs") == pytest.approx(100 / 26) and chance("birds") is None


def test_every_method_with_shared_weights_is_a_mixture_or_a_single_path():
    shared = {name for name in MANY if not isinstance(registry.method(name), QueryMethod)}
    assert not search_curves.MIXTURES & search_curves.PATHS
    assert search_curves.MIXTURES | search_curves.PATHS == shared


CELL = [["sep_conv_3x3", 0], ["skip_connect", 1], ["max_pool_3x3", 2], ["sep_conv_3x3", 0]]


def found(*archs, space="s"):
    rows = [{"dataset": "digits", "space": space, "method": "darts", "seed": i, "arch": a} for i, a in enumerate(archs)]
    return pd.DataFrame(rows).assign(accuracy=90.0, found=7)


def test_cells_have_names_of_states_an_arrow_for_each_operation_and_a_legend():
    arch = json.dumps({"normal": CELL, "normal_concat": [3], "reduce": CELL, "reduce_concat": [2, 3]})
    figure = architectures.draw(found(arch), {})
    (axis,) = figure.axes
    states = [text.get_text() for text in axis.texts if text.get_fontsize() == 4.8]
    assert states == ["−2", "−1", "0", "1"] * 2
    heads = [line for line in axis.lines if line.get_gid() == "arrow"]
    ends = sorted((float(x), line.get_marker()) for line in heads for x in line.get_xdata())
    assert ends == [(2.0, "^")] * 2 + [(2.0, "v")] * 2 + [(3.0, "^")] * 2 + [(3.0, "v")] * 2
    said = legend(figure)
    assert said[:3] == ["sep conv 3x3", "max pool 3x3", "skip connect"] and said[-1] == "n = 1 of 7 architectures"
    assert {"node, in the output", "node, not in it", "arrow: into a node"} < set(said)


def test_heights_of_bars_are_explained():
    figure = architectures.draw(found("k3_e1,k5_e6,skip", "k3_e3_g2,skip,skip"), {})
    (axis,) = figure.axes
    shown = [text.get_text() for text in axis.texts]
    assert shown[shown.index("height: expansion") + 1 :] == ["1", "3", "6"] and "layer" in shown
    grey = [bar.get_height() for bar in axis.patches if bar.get_facecolor() == to_rgba("0.8")]
    assert grey == pytest.approx([0.8 / 6, 0.8 / 2, 0.8])
    assert {"kernel 3×3, grouped", "no bar: skipped layer", "n = 2 of 7 architectures"} < set(legend(figure))


def test_every_run_is_a_mark_and_nothing_is_a_box():
    rows = [("digits", "darts", m, seed, 90 + seed) for m in ("darts", "random_sampling") for seed in range(6)]
    data = pd.DataFrame(rows, columns=["dataset", "space", "method", "seed", "accuracy"])
    (axis,) = random_distribution.draw(data, style.colours(data["method"])).axes
    marks = [collection for collection in axis.collections if isinstance(collection, PathCollection)]
    assert sorted(float(x) for mark in marks for x, _ in mark.get_offsets()) == sorted(map(float, data["accuracy"]))
    assert not [c for c in axis.collections if isinstance(c, PolyCollection)] and not axis.patches
    assert [label.get_text() for label in axis.get_yticklabels()] == ["DARTS, n = 6", "random in DARTS, n = 6"]


def together(boxes):
    return [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]


@pytest.mark.parametrize("name", ["ri", "critical_difference", "random_distribution"])
def test_the_labels_of_thirty_methods_do_not_overlap(name):
    if name == "ri":
        table = effects([(-1, 2)] * len(MANY), MANY)
        figure = ri.draw(table, style.colours(MANY))
    elif name == "critical_difference":
        table = ranks(list(np.linspace(1, len(MANY), len(MANY))), 7.0).assign(method=MANY, space="darts")
        figure = critical_difference.draw(table, style.colours(MANY))
    else:
        rows = [("digits", "darts", m, seed, 90.0 + seed) for m in MANY for seed in range(3)]
        table = pd.DataFrame(rows, columns=["dataset", "space", "method", "seed", "accuracy"])
        figure = random_distribution.draw(table, style.colours(MANY))
    figure.canvas.draw()
    (axis,) = figure.axes
    labels = [text for text in [*axis.get_yticklabels(), *axis.texts] if re.search(r"[A-Za-z]", text.get_text())]
    assert len(labels) >= len(MANY) >= 30
    assert together([text.get_window_extent() for text in labels]) == []


def test_thirty_methods_look_different():
    colours = style.colours([*MANY, "random_sampling"])
    for look in (style.mark_look, style.line_look):
        assert len({str(look(name, colours)) for name in MANY}) == len(MANY)
    looks = [accuracy_macs._look(name, "darts", colours, {"darts": "o"}) for name in MANY]
    assert len({(str(look["color"]), look["fillstyle"]) for look in looks}) == len(MANY)


def test_titles_in_a_legend_are_names():
    data = curves("single_path", "random_paths")
    figure = search_curves.draw(data, style.colours(data["method"]))
    assert legend(figure)[:2] == ["Random search with weight sharing", titles.method("single_path")]

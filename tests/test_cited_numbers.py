"""What pages cite of the default run is in the snapshot that their section names. Imports no torch."""

import itertools
import re
import statistics
from collections import defaultdict

from harness.plan import registry, titles
from harness.report import snapshot
from tests.cited import RESULTS, SAID, judged, p_of, percent, rows, signed
from tests.pages import fences, section, tables, text

LEARNING = "Do the searches learn?"


def test_the_readmes_tables_are_the_snapshots():
    part = section(text("README.md"), "The default run")
    methods, cells = tables(part)
    found = {titles.method(row["method"]): [judged(row, 2), p_of(row)] for row in rows(part, "methods")}
    assert {line["method"]: list(line.values())[1:3] for line in methods} == found
    shown = {(line["method"], name): cell for line in cells for name, cell in line.items() if name != "method"}
    single = {
        (titles.method(row["method"]), titles.dataset(row["dataset"])): judged(row)
        for row in rows(part, "relative_improvement")
    }
    assert shown == single


def test_the_readmes_citation_is_the_snapshots():
    page = text("README.md")
    said = snapshot.citation(registry.ROOT / re.search(r"results/published/[\w.-]+", page)[0])
    assert f"\n> {said}\n" in page
    (bibtex,) = (fence.code for fence in fences(page) if fence.language == "bibtex")
    assert said.partition("snapshot ")[2].rstrip(".") in bibtex


def test_accuracies_of_random_architectures_are_the_snapshots():
    part = section(text(RESULTS), "The default run")
    found = defaultdict(list)
    for row in rows(part, "accuracies"):
        if row["method"] == "random_sampling" and row["main"] == "True":
            found[row["dataset"], row["space"]].append(float(row["accuracy"]))
    shown = next(table for table in tables(part) if "chance" in table[0])
    cells = {(line["dataset"], name): cell for line in shown for name, cell in line.items()}
    for (dataset, space), values in found.items():
        assert cells[dataset, space] == percent(values, "{:.1f}")


def our_findings():
    """The table "Our numbers", computed from the snapshot's CSV files."""
    part = section(text(RESULTS), "Our numbers")
    improvement, gaps, methods = (rows(part, table) for table in ("relative_improvement", "depth_gap", "methods"))
    random = [row for row in rows(part, "accuracies") if row["method"] == "random_sampling"]
    verdicts = [row["verdict"] for row in improvement]
    gains = [float(row["ri"]) for row in improvement]
    place = lambda row: (row["dataset"], row["space"])  # noqa: E731
    main = sorted((row for row in random if row["main"] == "True"), key=place)
    groups = {key: [float(row["accuracy"]) for row in group] for key, group in itertools.groupby(main, place)}
    spreads = [100 * statistics.stdev(values) for values in groups.values()]
    deep = [row for row in random if place(row) == ("mnist5k", "darts")]
    at = lambda cells, *repeats: {  # noqa: E731
        (row["seed"], row["repeat"]): float(row["accuracy"])
        for row in deep
        if row["cells"] == cells and (not repeats or row["repeat"] in repeats)
    }
    seeds = [100 * abs(at("8")[seed, "0"] - at("8")[seed, "1"]) for seed, _ in at("8", "0")]
    gap = next(row for row in gaps if row["method"] == "random_sampling" and row["cells_small"] == "8")
    alike = groups["mnist5k", "darts"]
    tau = [f"{float(gap[name]):.2f}".replace("-", "−") for name in ("tau", "tau_low", "tau_high")]
    return {
        "a": ", ".join(str(verdicts.count(verdict)) for verdict in SAID),
        "b": f"{signed(min(gains))}, {signed(max(gains))}",
        "c": ", ".join(str([row["verdict"] for row in methods].count(verdict)) for verdict in SAID),
        "d": f"{percent(alike)} ± {100 * statistics.stdev(alike):.2f}, "
        f"{100 * min(alike):.2f} to {100 * max(alike):.2f}",
        "e": f"{min(spreads):.2f}, {statistics.median(spreads):.2f}, {max(spreads):.2f}",
        "f": ", ".join(percent(at(cells).values()) for cells in ("4", "8", "20")),
        "g": f"{tau[0]} [{tau[1]}, {tau[2]}]",
        "h": f"{float(gap['ceiling_small']):.2f}, {float(gap['ceiling_large']):.2f}".replace("-", "−"),
        "i": f"{statistics.mean(seeds):.2f}, {max(seeds):.2f}",
        "j": "{:.2f} [{:.2f}, {:.2f}], p = {:.2f}".format(
            *(float(gap[name]) for name in ("gap", "gap_low", "gap_high", "p"))
        ).replace("-", "−"),
    }


def test_our_findings_are_the_snapshots():
    shown = tables(section(text(RESULTS), "Our numbers"))[0]
    assert {row[""]: row["ours"] for row in shown} == our_findings()


DECIDED = {"darts": "alpha_entropy", "enas": "entropy", "fbnet": "entropy", "single_path": "gates_kept"}
"""What each method logs of how decided its architecture parameters are."""


def our_learning():
    """The table of what each search learns, computed from the snapshot's CSV files."""
    part, cell = section(text(RESULTS), LEARNING), lambda row: (row["dataset"], row["method"])
    courses = {(*cell(row), row["metric"]): row for row in rows(part, "courses")}
    learnt = {}
    for row in rows(part, "relative_improvement"):
        accuracy, decided = (courses[*cell(row), metric] for metric in ("val_accuracy", DECIDED[row["method"]]))
        spread = f"{percent([float(accuracy['last'])], '{:.0f}')} ± {percent([float(accuracy['last_std'])], '{:.0f}')}"
        learnt[cell(row)] = [
            *(accuracy["n"], accuracy["epochs"]),
            *(percent([float(accuracy[when])], "{:.0f}") for when in ("first", "middle")),
            *(spread, decided["metric"].replace("_", " ")),
            *(f"{float(decided[when]):.2f}" for when in ("first", "last")),
        ]
    return learnt


def test_what_the_searches_learn_is_the_snapshots():
    shown = tables(section(text(RESULTS), LEARNING))[0]
    assert {(row["dataset"], row["method"]): list(row.values())[2:] for row in shown} == our_learning()

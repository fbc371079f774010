"""The pages hold what they say: links lead somewhere, commands can be typed, configurations are configurations, and
cited numbers are those of the snapshot they name. Imports no torch."""

import csv
import itertools
import re
import shlex
import statistics
from pathlib import Path

import click
import pytest
import yaml

from harness.cli import base as cli
from harness.plan import config, registry
from harness.report import snapshot
from tests.pages import PAGES, Fence, anchors, commands, fences, links, section, tables, text

NAMES = [str(page.relative_to(registry.ROOT)) for page in PAGES]
SAID = {"better": "**better**", "worse": "**worse**", "not distinguishable": "≈"}


def written(page):
    """Files that a page tells its reader to write, and those that its commands make."""
    return {fence.file for fence in fences(text(page)) if fence.file}


@pytest.mark.parametrize("page", NAMES)
def test_links_lead_to_files_and_headings(page):
    for target in links(text(page)):
        path, _, anchor = target.partition("#")
        file = (registry.ROOT / page).parent / path if path else registry.ROOT / page
        assert file.exists(), f"{page}: {target}"
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), f"{page}: {target}"


@pytest.mark.parametrize("page", NAMES)
def test_commands_parse(page):
    for line in commands(text(page)):
        words = shlex.split(line, comments=True)
        words = words[words.index("harness") + 1 :]
        command = cli.commands.get_command(None, words[0]) if words else None
        assert command or not words, f"{page}: {line}"
        if len(words) > 1:  # else a mention of it
            try:
                command.make_context(words[0], words[1:])
            except click.UsageError as error:
                raise AssertionError(f"{page}: {line}: {error.format_message()}") from None


FOLDERS = "config|docs|harness|methods|protocols|report|spaces|tests"


@pytest.mark.parametrize("page", NAMES)
def test_quoted_files_exist(page):
    """Paths in backticks, and configurations in commands."""
    quoted = re.findall(rf"`((?:{FOLDERS})/[\w./-]+\.\w+)`", text(page))
    for path in quoted + re.findall(r"\bconfig/\w+\.yaml", text(page)):
        assert (registry.ROOT / path).exists() or path in written(page), f"{page}: {path}"


def test_every_command_has_an_example():
    shown = {shlex.split(command, comments=True)[3] for command in commands(text("docs/commands.md"))}
    assert shown == set(cli.commands.list_commands(None))


YAML = [(page, fence) for page in NAMES for fence in fences(text(page)) if fence.language == "yaml"]


@pytest.mark.parametrize(("page", "fence"), YAML, ids=lambda value: getattr(value, "file", value))
def test_configurations_are_valid(page, fence):
    """Names that the same page adds count as there."""
    added = [Path(file) for file in written(page)]
    plan = config.Config.model_validate(yaml.safe_load(fence.code))
    known = {
        folder: {*registry.names(folder), *(file.stem for file in added if str(file.parent) == folder)}
        for folder in ("methods", "spaces", "protocols")
    }
    assert plan.protocol in known["protocols"]
    assert {entry.method for entry in plan.searches} <= known["methods"]
    assert {entry.space for entry in plan.searches} <= known["spaces"]


def test_there_is_something_to_check():
    assert sum(len(commands(text(page))) for page in NAMES) > 20
    assert sum(len(links(text(page))) for page in NAMES) > 60
    assert YAML
    assert Fence("yaml", "a/b.yaml", "x: 1\n") in fences("The file `a/b.yaml`:\n\n```yaml\nx: 1\n```\n")


def rows(page, table):
    """A table of the snapshot that a page cites first."""
    snapshot = re.search(r"results/published/[\w.-]+", text(page))[0]
    with open(registry.ROOT / snapshot / "tables" / f"{table}.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def signed(value):
    shown = f"{float(value):+.1f}".replace("-", "−")
    return "0.0" if shown[1:] == "0.0" else shown


def test_the_readmes_table_is_the_snapshots():
    shown = tables(section(text("README.md"), "The default run"))[0]
    found = {(row["method"], row["dataset"]): row for row in rows("README.md", "relative_improvement")}
    cells = {(line["method"], name): cell for line in shown for name, cell in line.items() if name != "method"}
    assert cells.keys() == found.keys()
    for key, row in found.items():
        interval = f"[{signed(row['ri_low'])}, {signed(row['ri_high'])}]"
        assert cells[key] == f"{signed(row['ri'])} {SAID[row['verdict']]}<br>{interval}"


def test_the_readmes_citation_is_the_snapshots():
    page = text("README.md")
    said = snapshot.citation(registry.ROOT / re.search(r"results/published/[\w.-]+", page)[0])
    assert f"\n> {said}\n" in page
    (bibtex,) = (fence.code for fence in fences(page) if fence.language == "bibtex")
    assert said.partition("snapshot ")[2].rstrip(".") in bibtex


def percent(values, form="{:.2f}"):
    return form.format(100 * statistics.mean(values))


def our_findings():
    """docs/findings.md's table, computed from the snapshot's CSV files."""
    page = "docs/findings.md"
    improvement, gaps = rows(page, "relative_improvement"), rows(page, "depth_gap")
    random = [row for row in rows(page, "accuracies") if row["method"] == "random_sampling"]
    verdicts = [row["verdict"] for row in improvement]
    gains = [float(row["ri"]) for row in improvement]
    place = lambda row: (row["dataset"], row["space"])  # noqa: E731
    main = sorted((row for row in random if row["main"] == "True"), key=place)
    groups = {key: [float(row["accuracy"]) for row in group] for key, group in itertools.groupby(main, place)}
    spreads = [100 * statistics.stdev(values) for values in groups.values()]
    deep = [row for row in random if place(row) == ("digits", "darts")]
    at = lambda cells, *repeats: {  # noqa: E731
        (row["seed"], row["repeat"]): float(row["accuracy"])
        for row in deep
        if row["cells"] == cells and (not repeats or row["repeat"] in repeats)
    }
    seeds = [100 * abs(at("8")[seed, "0"] - at("8")[seed, "1"]) for seed, _ in at("8", "0")]
    gap = next(row for row in gaps if row["method"] == "random_sampling" and row["cells_small"] == "8")
    digits = groups["digits", "darts"]
    tau = [f"{float(gap[name]):.2f}".replace("-", "−") for name in ("tau", "tau_low", "tau_high")]
    return {
        "a": ", ".join(str(verdicts.count(verdict)) for verdict in SAID),
        "b": f"{signed(min(gains))}, {signed(max(gains))}",
        "c": str(sum(float(row["ri_low"]) > 0 or float(row["ri_high"]) < 0 for row in improvement)),
        "d": f"{percent(digits)} ± {100 * statistics.stdev(digits):.2f}, "
        f"{100 * min(digits):.2f} to {100 * max(digits):.2f}",
        "e": f"{min(spreads):.2f}, {statistics.median(spreads):.2f}, {max(spreads):.2f}",
        "f": ", ".join(percent(at(cells).values()) for cells in ("4", "8", "20")),
        "g": f"{tau[0]} [{tau[1]}, {tau[2]}]",
        "h": f"{float(gap['ceiling_small']):.2f}, {float(gap['ceiling_large']):.2f}",
        "i": f"{statistics.mean(seeds):.2f}, {max(seeds):.2f}",
    }


def test_our_findings_are_the_snapshots():
    shown = tables(section(text("docs/findings.md"), "Our numbers"))[0]
    assert {row[""]: row["ours"] for row in shown} == our_findings()


DECIDED = {"darts": "alpha_entropy", "enas": "entropy", "fbnet": "entropy", "single_path": "gates_kept"}
"""What each method logs of how decided its architecture parameters are."""


def our_learning():
    """The two tables of docs/learning.md, computed from the snapshot's CSV files."""
    page, cell = "docs/learning.md", lambda row: (row["dataset"], row["method"])
    courses = {(*cell(row), row["metric"]): row for row in rows(page, "courses")}
    learnt, ranked = {}, {}
    for row in rows(page, "relative_improvement"):
        accuracy, decided = (courses[*cell(row), metric] for metric in ("val_accuracy", DECIDED[row["method"]]))
        spread = f"{percent([float(accuracy['last'])], '{:.0f}')} ± {percent([float(accuracy['last_std'])], '{:.0f}')}"
        learnt[cell(row)] = [
            *(accuracy["n"], accuracy["epochs"]),
            *(percent([float(accuracy[when])], "{:.0f}") for when in ("first", "middle")),
            *(spread, decided["metric"].replace("_", " ")),
            *(f"{float(decided[when]):.2f}" for when in ("first", "last")),
        ]
        shown = lambda name, form, row=row: form(float(row[name]))  # noqa: E731
        ranked[cell(row)] = [
            *(row["n_method"], row["n_random"], percent([float(row["mean"])], "{:.1f}")),
            percent([float(row["random_mean"])], "{:.1f}"),
            f"{shown('percentile', '{:.0f}'.format)} "
            f"[{shown('percentile_low', '{:.0f}'.format)}, {shown('percentile_high', '{:.0f}'.format)}]",
            f"{shown('ri', signed)} [{shown('ri_low', signed)}, {shown('ri_high', signed)}]",
            *(shown("p_holm", lambda p: "< 0.001" if p < 5e-4 else f"{p:.3f}"), row["verdict"]),
        ]
    return learnt, ranked


def test_the_page_on_learning_is_the_snapshots():
    for found, shown in zip(our_learning(), tables(text("docs/learning.md"))):
        cells = {(row["dataset"], row["method"]): list(row.values())[2:] for row in shown}
        assert cells == found

"""The numbers that pages cite are those of the snapshot that their section names. Imports no torch."""

import csv
import itertools
import re
import statistics
from collections import defaultdict

import pandas as pd

from harness.analysis.pooled import against, pooled
from harness.plan import registry, titles
from harness.report import snapshot
from tests.pages import fences, section, tables, text

RESULTS, LEARNING = "docs/results.md", "Do the searches learn?"
SAID = {"better": "**better**", "worse": "**worse**", "not distinguishable": "≈"}


def rows(part, table):
    """A table of the snapshot that this part of a page names first."""
    folder = re.search(r"results/published/[\w.-]*\w", part)[0]
    with open(registry.ROOT / folder / "tables" / f"{table}.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def signed(value, digits=1):
    shown = f"{float(value):+.{digits}f}".replace("-", "−")
    return shown[1:] if not float(f"{float(value):.{digits}f}") else shown


def judged(row, digits=1):
    """A relative improvement with its verdict, and the interval that belongs to the verdict."""
    interval = f"[{signed(row['holm_low'], digits)}, {signed(row['holm_high'], digits)}]"
    return f"{signed(row['ri'], digits)} {SAID[row['verdict']]}<br>{interval}"


def p_of(row):
    p = float(row["p_holm"])
    return "<0.001" if p < 0.001 else f"{p:.3f}"


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


def percent(values, form="{:.2f}"):
    return form.format(100 * statistics.mean(values))


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


def of_every_method():
    """The table of every method once, computed from the snapshot's CSV files."""
    part = section(text(RESULTS), "Every method once")
    methods, search, accuracies = (rows(part, table) for table in ("methods", "against_search", "accuracies"))
    verdicts = lambda family: ", ".join(str([row["verdict"] for row in family].count(verdict)) for verdict in SAID)  # noqa: E731
    above = lambda family: sum(float(row["ri"]) > 0 for row in family)  # noqa: E731
    random = defaultdict(list)
    for row in accuracies:
        if (row["method"], row["space"], row["main"]) == ("random_sampling", "nasbench201", "True"):
            random[row["dataset"]].append(100 * float(row["accuracy"]))
    assert {len(values) for values in random.values()} == {64}
    spread = lambda values: (  # noqa: E731
        f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}; "
        f"{min(values):.1f}, {statistics.median(values):.1f}, {max(values):.1f}"
    )
    return {
        **{"k": verdicts(methods), "l": f"{above(methods)}, {sum(float(row['p']) < 0.05 for row in methods)}"},
        **{"m": verdicts(search), "n": str(above(search))},
        **{letter: spread(random[name]) for letter, name in zip("opq", ("mnist5k", "elpv", "textures"))},
    }


def test_what_every_method_found_is_the_snapshots():
    shown = tables(section(text(RESULTS), "Every method once"))[0]
    assert {row[""]: row["ours"] for row in shown} == of_every_method()


def estimated(row, value, low, high, form):
    """A number with its interval; nothing where it has none."""
    if not row[value]:
        return ""
    numbers = [form.format(round(float(row[name]), 9)).replace("-", "−") for name in (value, low, high)]
    return f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"


def study_row(row):
    """A row of the table of studies as the page has it, n first."""
    p = "<0.001" if row["p_holm"] and float(row["p_holm"]) < 0.001 else row["p_holm"] and f"{float(row['p_holm']):.3f}"
    ceiling = row["ceiling_reference"] and f"{float(row['ceiling_reference']):.2f}"
    difference = estimated(row, "difference", "low", "high", "{:+.2f}")
    return [row["n"], difference, p, estimated(row, "tau", "tau_low", "tau_high", "{:.2f}"), ceiling]


SHARES = ("share", "share_low", "share_high")


def test_what_the_studies_found_is_the_snapshots():
    part = section(text(RESULTS), "What makes an architecture good?")
    findings, shown = tables(part)
    found = {(row["study"], row["variant"]): row for row in rows(part, "studies")}
    assert len(shown) > 20
    for line in shown:
        assert list(line.values())[2:] == study_row(found[line["study"], line["variant"]]), line
    said = " ".join(line["in numbers"] for line in findings)
    shares = csv.DictReader(
        (registry.ROOT / "results/published/ablations-2026-11-29/figures/study_variance.csv").open()
    )
    of = {(row["study"], row["component"]): [f"{100 * float(row[n]):.0f}" for n in SHARES] for row in shares}
    for component in ("variant", "architecture", "interaction", "seed"):
        share, low, high = of["macro", component]
        assert f"{share}% [{low}, {high}]" in said
    gap = estimated(found["depth_gap", "20 cells"], "gap", "gap_low", "gap_high", "{:.2f}")
    assert f"82% [{', '.join(of['range', 'seed'][1:])}]" in said and f"ceiling − tau = {gap}" in said
    epochs = estimated(found["tricks", "x 2.5 epochs"], "difference", "low", "high", "{:+.2f}")
    assert epochs.replace(" [", " points [") in said


FIRST = {"random_sampling": 10}
"""How many seeds of each method the default run has seen, where not 5."""


def of_the_replication():
    """Its table, computed from the snapshot's CSV files."""
    part = section(text(RESULTS), "Does it hold?")
    runs = pd.DataFrame([row for row in rows(part, "accuracies") if row["main"] == "True"])
    runs = runs.astype({"seed": int, "accuracy": float})
    first = runs["seed"] < runs["method"].map(FIRST).fillna(5)
    deep = (runs["space"] == "darts") & (runs["dataset"] == "mnist5k") & (runs["seed"] < 16)  # has 16 of them
    new = runs[~(first | deep & (runs["method"] == "random_sampling"))]
    for end, family in (("", rows(part, "methods")), (", new seeds alone", pooled(new).to_dict("records"))):
        for row in family:
            said, n = judged(row, 2).replace("<br>", " "), [f"{row[name]}" for name in ("n_method", "n_random")]
            yield [f"{titles.method(row['method'])}{end}", *n, said, p_of(row)]


def test_what_the_replication_found_is_the_snapshots():
    shown = tables(section(text(RESULTS), "Does it hold?"))[0]
    assert [list(row.values()) for row in shown] == list(of_the_replication())


def test_how_many_skips_the_methods_take():
    part = section(text(RESULTS), "Does it hold?")
    runs = pd.DataFrame([row for row in rows(part, "accuracies") if row["main"] == "True"]).astype({"accuracy": float})
    runs["skips"] = runs["arch"].str.count("skip")
    means = runs.groupby(["space", "method", "dataset"])["skips"].mean().groupby(["space", "method"]).mean()
    said = "({:.1f} of 16 operations, random {:.1f})".format(*means["darts"][["darts", "random_sampling"]])
    assert said in part
    kept = means["single_path"][["single_path", "random_sampling"]]
    assert "skips {:.0f} of its 20 layers, random architectures {:.0f},".format(*kept) in part
    random = runs[(runs["space"] == "single_path") & (runs["method"] == "random_sampling")]
    of = {name: group["skips"].corr(group["accuracy"]) for name, group in random.groupby("dataset")}
    lowest, *others = (f"{value:.2f}".replace("-", "−") for value in sorted(of.values()))
    assert f"correlations of {others[0]} to {others[-1]}; {lowest} on `{min(of, key=of.get)}`" in " ".join(part.split())


def of_depth(by):
    """(random architectures as deep as the finds, against random ones; the finds, against these). `by`: "first"
    training of each architecture, or the "mean" of both."""
    of = [section(text(RESULTS), title) for title in ("Is there more in it than depth?", "Does it hold?")]
    deep, runs = (pd.DataFrame(rows(part, "accuracies")).astype({"accuracy": float, "seed": int}) for part in of)
    deep = deep[deep["method"] == deep["dataset"]]  # a file of architectures is named after its dataset
    deep = deep.groupby(["dataset", "space", "seed"], as_index=False)["accuracy"].agg(by).assign(method="as_deep")
    runs = runs[(runs["space"] == "single_path") & (runs["main"] == "True")]
    random, finds = (runs[runs["method"] == name] for name in ("random_sampling", "single_path"))
    for baseline, others in (("random_sampling", random), ("as_deep", finds)):
        (row,) = against(baseline, pd.concat([deep, others])).to_dict("records")
        yield row


def test_what_depth_alone_gives_is_the_snapshots():
    part = section(text(RESULTS), "Is there more in it than depth?")
    said = [(judged(row, 2).replace("<br>", " "), p_of(row)) for row in of_depth("first")]
    assert [tuple(list(row.values())[2:]) for row in tables(part)[0]] == said
    (_, twice) = of_depth("mean")
    assert f"the last row is {judged(twice, 2).replace('≈<br>', '')}." in part
    (_, once) = of_depth("first")
    assert f"finds {signed(once['ri'])}% [{signed(once['holm_low'])}, {signed(once['holm_high'])}]." in text(RESULTS)


def of_longer_searches():
    """The table of searches of the published number of epochs, computed from the snapshot's CSV files."""
    part = section(text(RESULTS), "When searches are longer")
    did, judgements, courses = (rows(part, name) for name in ("searched", "methods", "courses"))
    for row, judgement in zip(did, judgements, strict=True):
        assert row["method"] == judgement["method"]
        (epochs,) = {line["epochs"] for line in courses if line["method"] == row["method"]}
        shares = [f"{float(row[name]):.1f}" for name in ("learned", "decided")]
        said = judged(judgement, 2).replace("<br>", " ")
        yield [titles.method(row["method"]), row["n"], epochs, *shares, row["searched"], said, p_of(judgement)]


def test_what_longer_searches_found_is_the_snapshots():
    shown = tables(section(text(RESULTS), "When searches are longer"))[0]
    assert [list(row.values()) for row in shown] == list(of_longer_searches())


ANSWERS = ("methods", "against_search")


def test_what_searches_on_the_table_found_is_the_snapshots():
    part = section(text(RESULTS), "Searches by evaluations, on a table")
    on_one_line = lambda row: judged(row).replace("<br>", " ")  # noqa: E731
    methods, search = ({row["method"]: on_one_line(row) for row in rows(part, name)} for name in ANSWERS)
    shown = {row["method"]: list(row.values())[1:] for row in tables(part)[0]}
    assert shown == {name: [said, search.get(name, "")] for name, said in methods.items()}
    assert all("**better**" in said for said in methods.values()) and all("≈" in said for said in search.values())
    gains = [float(row["ri"]) for row in rows(part, "methods")]
    assert f"{min(gains):.0f} to {max(gains):.0f}% better" in " ".join(text("README.md").split())


def of_the_schedule():
    """The table of longer trainings, computed from the snapshot's table of studies."""
    found = rows(section(text(RESULTS), "Are the networks trained long enough?"), "studies")
    for short, long in zip(found[::2], found[1::2], strict=True):
        assert (short["variant"], short["space"]) == ("reference", long["space"])
        said = f"{signed(long['difference'])} [{signed(long['low'])}, {signed(long['high'])}]"
        near = "**near** " if abs(float(long["difference"])) <= 1.5 else ""
        tau, ceiling = (f"{float(value):.2f}".replace("-", "−") for value in (long["tau"], long["ceiling_reference"]))
        varied = 100 * float(short["deviation"]) / float(short["accuracy"])
        numbers = [f"{value:.1f}" for value in (varied, float(short["seed_deviation"]))]
        means = [f"{float(row['accuracy']):.1f}" for row in (short, long)]
        names = [titles.space(short["space"]), titles.dataset(short["dataset"])]
        yield [*names, *means, near + said, *numbers, f"{tau} ({ceiling})"]


def test_what_longer_trainings_gave_is_the_snapshots():
    shown = tables(section(text(RESULTS), "Are the networks trained long enough?"))[0]
    assert [list(row.values()) for row in shown] == list(of_the_schedule())
    assert sum("near" in row["difference, points [95%]"] for row in shown) == 8


def of_the_collapse():
    """The table of what searches by gradients went towards, computed from the snapshot's CSV files."""
    part = section(text(RESULTS), "Why is it all skips?")
    finds = defaultdict(list)
    for row in rows(part, "accuracies"):
        if row["main"] == "True":
            finds[row["method"]].append((row["arch"].count("skip_connect"), 100 * float(row["accuracy"])))
    accuracies = {method: sorted(accuracy for _, accuracy in found) for method, found in finds.items()}
    random, judgements = accuracies["random_sampling"], {row["method"]: row for row in rows(part, "methods")}
    for i, row in enumerate(rows(part, "collapse")):
        if i == 0:
            ceiling = estimated(row, "ceiling", "ceiling_low", "ceiling_high", "{:.2f}")
            spread = f"{statistics.mean(random):.1f} ± {statistics.stdev(random):.1f}"
            yield ["random", str(len(random)), "", "", "", "", spread, "", f"ceiling {ceiling}"]
        method = row["method"]
        yield [
            *(titles.method(method), row["n"]),
            *(f"{float(row[f'{q}_first']):.2f} → {float(row[f'{q}_last']):.2f}" for q in ("skip", "none", "entropy")),
            ", ".join(str(skips) for skips in sorted(skips for skips, _ in finds[method])),
            ", ".join(f"{accuracy:.1f}" for accuracy in accuracies[method]),
            judged(judgements[method]).replace("<br>", " "),
            estimated(row, "tau", "tau_low", "tau_high", "{:.2f}"),
        ]


def test_what_searches_by_gradients_went_towards_is_the_snapshots():
    shown = tables(section(text(RESULTS), "Why is it all skips?"))[0]
    assert [list(row.values()) for row in shown] == list(of_the_collapse())

"""What the page of results cites of the other published runs is in the snapshot that its section names."""

import csv
import statistics
from collections import defaultdict

import pandas as pd
import pytest

from harness.analysis.pooled import against, pooled
from harness.plan import registry, titles
from tests.cited import RESULTS, SAID, SHARES, estimated, judged, p_of, rows, signed
from tests.pages import section, tables, text


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


def study_row(row):
    """A row of the table of studies as the page has it, n first."""
    p = "<0.001" if row["p_holm"] and float(row["p_holm"]) < 0.001 else row["p_holm"] and f"{float(row['p_holm']):.3f}"
    ceiling = row["ceiling_reference"] and f"{float(row['ceiling_reference']):.2f}"
    difference = estimated(row, "difference", "low", "high", "{:+.2f}")
    return [row["n"], difference, p, estimated(row, "tau", "tau_low", "tau_high", "{:.2f}"), ceiling]


def test_what_the_studies_found_is_the_snapshots():
    part = section(text(RESULTS), "What makes an architecture good?")
    findings, shown = tables(part)
    found = {(row["study"], row["variant"]): row for row in rows(part, "studies")}
    assert len(shown) > 20
    for line in shown:
        assert list(line.values())[2:] == study_row(found[line["study"], line["variant"]]), line
    said = " ".join(line["in numbers"] for line in findings)
    shares = csv.DictReader(
        (registry.ROOT / "results/published/ablations-2026-11-30/figures/study_variance.csv").open()
    )
    of = {(row["study"], row["component"]): [f"{100 * float(row[n]):.0f}" for n in SHARES] for row in shares}
    named = [("macro", name) for name in ("variant", "space", "operations", "wiring", "interaction", "seed")]
    for which in [*named, ("operations", "space"), ("operations", "architecture")]:
        share, low, high = of[which]
        assert f"{share}% [{low}, {high}]" in said, which
    modified = estimated(found["operations", "darts_modified against darts"], "difference", "low", "high", "{:+.2f}")
    assert f"gains {modified[1:].replace(' [', ' points [')}" in said
    runs = pd.DataFrame(
        [row for row in rows(part, "accuracies") if row["main"] == "True" and "random" in row["method"]]
    )
    means = runs.astype({"macs": float, "parameters": float}).groupby("space")[["macs", "parameters"]].mean()
    more = "{:.1f} times the multiply-adds and {:.1f} times the parameters".format(*means.iloc[1] / means.iloc[0])
    assert more in said
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
    assert len(methods) == 11 and "All eleven are" in part and "[eleven methods on a table]" in text("README.md")
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


def of_the_collapse(part):
    """The table of what searches by gradients went towards, computed from the snapshot's CSV files."""
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


@pytest.mark.parametrize("heading", ["On photographs it was", "On digits it was not"])
def test_what_searches_by_gradients_went_towards_is_the_snapshots(heading):
    part = section(text(RESULTS), heading)
    assert [list(row.values()) for row in tables(part)[0]] == list(of_the_collapse(part))

"""The analysis of studies on records with known truth: differences, ranks, factorials, by hand and against scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness import records
from harness.analysis import studies
from harness.analysis.analysis import Analysis
from harness.analysis.paired import sign_flip
from harness.analysis.panels import Panel, Variant
from harness.analysis.results import read_results
from harness.plan.jobs import Search, Training
from harness.plan.studies import StudyEntry
from tests import synthetic_records as synthetic

ON = {"a": {"tricks.auxiliary": 0.4}, "c": {"tricks.cutout": 2}}
OFF = {"tricks.auxiliary": 0, "tricks.cutout": 0}
ENTRY = {"name": "tricks", "space": "darts", "datasets": ["digits"], "architectures": 9, "reference": OFF}
STUDY = StudyEntry(**ENTRY, factors=ON, variants={"short": {"recipe.epochs": 1}}, variant_repeats=2, repeats=3)
EFFECT = {"reference": 0, "a": 0.01, "c": 0.03, "a + c": 0.06, "short": -0.1}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Records of the study, and {(label, repeat): accuracies in percent}; one of 9 architectures lacks a variant."""
    folder, rng = tmp_path_factory.mktemp("study"), np.random.default_rng(0)
    study, seen = STUDY.study("smoke"), {}
    setting = Training(Search("smoke", "digits", "darts", "random_sampling", 0)).setting
    for seed, quality in enumerate(rng.normal(0.8, 0.02, 9)):
        search = Search("smoke", "digits", "darts", "random_sampling", seed)
        for label, change in study.resolved(setting).items():
            for repeat in range(study.times(label)):
                if (label, seed) == ("short", 8):
                    continue
                job = Training(search, change, repeat)
                accuracy = round(quality + EFFECT[label] + rng.normal(0, 0.005), 4)
                seen.setdefault((label, repeat), []).append(100 * accuracy)
                result = {"test_accuracy": accuracy, "images": 100 * (1 + 9 * (label != "short")), "macs": 50 + seed}
                key = {name: value for name, value in job.key.items() if name != "protocol"}
                record = synthetic.record("train", key, arch=f"arch {seed}", result=result)
                record["key"]["protocol"] = "smoke"
                records.write(folder / f"{job.name}.json", record)
    return Analysis(read_results(folder), (study,)), seen


def row(analysis, variant):
    frame = analysis.studies
    return frame[frame["variant"] == variant].iloc[0]


def test_a_row_for_each_variant_and_effect(made):
    analysis, _ = made
    frame = analysis.studies
    assert frame["variant"].tolist() == [
        *("reference", "short", "a", "c", "a + c"),
        *("effect of a", "effect of c", "effect of a × c"),
    ]
    assert frame["n"].tolist() == [9, 8, 9, 9, 9, 8, 8, 8]  # effects: of what was trained under every variant
    assert frame["repeats"].tolist()[:3] == [3, 2, 2]


def test_paired_differences(made):
    analysis, seen = made
    reference = np.mean([seen["reference", r] for r in range(3)], axis=0)
    with_a = np.mean([seen["a", r] for r in range(2)], axis=0)
    found = row(analysis, "a")
    assert found["difference"] == pytest.approx((with_a - reference).mean())
    every = {"permutation_type": "samples", "n_resamples": np.inf}
    assert found["p"] == pytest.approx(stats.permutation_test((with_a - reference,), np.mean, **every).pvalue)
    assert found["low"] < found["difference"] < found["high"]
    assert found["effect"] == pytest.approx(found["difference"] / found["seed_deviation"])
    assert 0.35 < found["seed_deviation"] < 0.65  # 0.5 points
    assert analysis.studies["p"].notna().sum() == 7
    assert found["p_holm"] == pytest.approx(7 * analysis.studies["p"].min())


def test_ranks_are_those_of_single_trainings(made):
    analysis, seen = made
    found, tau = row(analysis, "c"), lambda a, b: stats.kendalltau(seen[a], seen[b]).statistic  # noqa: E731
    cross = [tau(("reference", i), ("c", j)) for i in range(3) for j in range(2)]
    ceilings = [np.mean([tau(("reference", i), ("reference", j)) for i, j in ((0, 1), (0, 2), (1, 2))])]
    ceilings += [tau(("c", 0), ("c", 1))]
    assert found["tau"] == pytest.approx(np.mean(cross))
    assert found["ceiling_reference"] == pytest.approx(ceilings[0]) == row(analysis, "reference")["tau"]
    assert found["ceiling_variant"] == pytest.approx(ceilings[1])
    assert found["gap"] == pytest.approx(np.mean(ceilings) - np.mean(cross))
    assert (found["gap_p"] <= 0.05) == (not found["gap_low"] <= 0 <= found["gap_high"])


def test_disattenuated_correlation_and_regret_by_hand(made):
    analysis, seen = made
    r = lambda a, b: np.corrcoef(seen[a], seen[b])[0, 1]  # noqa: E731
    across = np.mean([r(("reference", i), ("c", j)) for i in range(3) for j in range(2)])
    within = np.mean([r(("reference", i), ("reference", j)) for i, j in ((0, 1), (0, 2), (1, 2))])
    within *= r(("c", 0), ("c", 1))
    assert row(analysis, "c")["correlation"] == pytest.approx(across / np.sqrt(within))

    def lost(judge, chooser):
        return max(seen[judge]) - seen[judge][int(np.argmax(seen[chooser]))]

    others = [lost(("reference", j), ("c", i)) for i in range(2) for j in range(3)]
    assert row(analysis, "c")["regret"] == pytest.approx(np.mean(others))
    own = [lost(("reference", j), ("reference", i)) for i in range(3) for j in range(3) if i != j]
    assert row(analysis, "c")["regret_ceiling"] == pytest.approx(np.mean(own))


def test_a_factorial_separates_what_a_ladder_confounds(made):
    """a adds 1 point without c and 3 with it: 2 on average; c 3 and 5; together 2 more than their sum."""
    analysis, seen = made
    mean = {label: np.mean([seen[label, r] for r in range(2 + (label == "reference"))], axis=0)[:8] for label in EFFECT}
    interaction = (mean["a + c"] - mean["a"] - mean["c"] + mean["reference"]).mean()
    assert row(analysis, "effect of a × c")["difference"] == pytest.approx(interaction)
    a = ((mean["a"] - mean["reference"] + mean["a + c"] - mean["c"]) / 2).mean()
    assert row(analysis, "effect of a")["difference"] == pytest.approx(a)
    assert a == pytest.approx(2, abs=0.5) and interaction == pytest.approx(2, abs=0.8)


def test_cost_is_images_times_macs(made):
    analysis, _ = made
    assert row(analysis, "reference")["cost"] == pytest.approx(1000 * np.mean(range(50, 59)))
    assert row(analysis, "short")["cost_ratio"] == pytest.approx(100 * np.mean(range(50, 58)) / (1000 * 54))


def test_components_times_points_and_swaps(made):
    analysis, _ = made
    parts = analysis.study_components.set_index("component")
    assert parts["n"].unique().tolist() == [8] and parts["share"].sum() == pytest.approx(1)
    assert parts["share"].idxmax() == "variant"
    assert (parts["low"] <= parts["variance"]).all() and (parts["variance"] <= parts["high"]).all()
    assert len(analysis.study_points) == 8 + 3 * 9
    swaps = analysis.study_swaps
    assert swaps["variant"].unique() == ["reference"] and swaps["pairs"].sum() == 6 * 36
    assert swaps["share"].iloc[0] > swaps["share"].iloc[-1] == pytest.approx(swaps["expected"].iloc[-1], abs=0.1)
    times = analysis.study_times.set_index("variant")
    assert times.loc["short", "n"] == 16 and times.loc["short", "seconds"] == pytest.approx(10 + np.mean(range(8)))


def test_variants_are_in_no_other_analysis(made):
    """They would be taken for repeats of trainings by the protocol."""
    analysis, _ = made
    assert analysis.runs["accuracy"].notna().sum() == 9  # a + c is the protocol's own setting
    assert analysis.variance["n"].max() == 18 and not len(analysis.depth_gap)


def test_without_a_configuration_everything_is_one_study(made):
    analysis, _ = made
    frame = Analysis(analysis.results).studies
    assert set(frame["study"]) == {"all variants"}
    assert frame["variant"].iloc[0] == "reference"
    assert frame["accuracy"].iloc[0] == pytest.approx(row(analysis, "a + c")["accuracy"])  # the main training
    assert "3 cells, tricks.auxiliary=0.0,tricks.cutout=0" in set(frame["variant"])


def test_a_csv_has_a_column_of_variants(made, tmp_path):
    from harness.report.tables import accuracies

    analysis, _ = made
    path = tmp_path / "r.csv"
    frame = accuracies.numbers(analysis)
    path.write_text(frame.to_csv(index=False))
    again = Analysis(read_results(path), analysis.planned).studies
    columns = ["variant", "n", "difference", "tau", "gap", "regret"]
    pd.testing.assert_frame_equal(again[columns], analysis.studies[columns], check_dtype=False)


def test_runs_that_a_table_shares_are_no_independent_trainings():
    """Short and long trainings of one number begin alike here, so that they have their noise in common. Beside others
    they look as if the short one told more than the ceiling allows; without them, exactly as much."""
    rng = np.random.default_rng(0)
    long = 70 + rng.normal(0, 3, (300, 1)) + rng.normal(0, 3, (300, 3))
    variants = tuple(Variant(label, long - less, np.nan, np.nan) for label, less in (("reference", 0), ("short", 20)))
    of = {name: Panel("f", name, "s", tuple(map(str, range(300))), variants, ()) for name in ("digits", "table:t#d")}
    images, table = (studies.studies([panel]).iloc[1] for panel in of.values())
    assert images["tau"] > images["ceiling_reference"] + 0.1 and images["gap_high"] < 0
    assert table["tau"] == pytest.approx(table["ceiling_reference"]) and table["gap"] == pytest.approx(0)
    assert table["correlation"] == pytest.approx(1)
    assert table["regret"] == table["regret_ceiling"] == pytest.approx(1.5 * images["regret"])
    assert len(studies.study_components([of["digits"]])) == 4 and not len(studies.study_components([of["table:t#d"]]))
    assert len(studies.study_components([Panel("s", "table:t#d", "s", of["digits"].archs, variants[:1], ())])) == 2


GROUPED = StudyEntry(
    name="macro",
    space=["darts", "darts_modified"],
    datasets=["digits"],
    architectures={"operations": 8, "wirings": 2},
    variants={"deep": {"cells": 5}},
    variant_repeats=1,
)


@pytest.fixture(scope="module")
def grouped(tmp_path_factory):
    """{(space, operations, wiring, label): mean accuracy in percent}, and the analysis of such records. The modified
    operations gain 2 points; operations differ by 1, wirings by 0.5; depth gains 1 more for even operations."""
    folder, rng, seen = tmp_path_factory.mktemp("grouped"), np.random.default_rng(3), {}
    study = GROUPED.study("smoke")
    searches = [Search("smoke", "digits", "darts", "random_sampling", 0)]
    qualities = {}
    for job in study.trainings(searches, False):
        space, i, label = job.search.space, job.search.seed, "deep" if job.variant else "reference"
        operations = qualities.setdefault((space, i), rng.normal(0.8 + 0.02 * (space == "darts_modified"), 0.01))
        wiring = qualities.setdefault((space, i, job.search.method), rng.normal(0, 0.005))
        accuracy = operations + wiring + (label == "deep") * (0.02 + 0.01 * (i % 2 == 0)) + rng.normal(0, 0.002)
        seen.setdefault((space, i, job.search.method, label), []).append(100 * round(accuracy, 4))
        key = {name: value for name, value in job.key.items() if name != "protocol"}
        result = {"test_accuracy": round(accuracy, 4), "images": 100, "macs": 50}
        record = synthetic.record("train", key, arch=job.arch, result=result)
        record["key"]["protocol"] = "smoke"
        records.write(folder / f"{job.name}.json", record)
    return {key: float(np.mean(values)) for key, values in seen.items()}, Analysis(read_results(folder), (study,))


def test_wirings_of_the_same_operations_are_one_draw(grouped):
    """16 draws, not 32 architectures, are what the tests of a study count."""
    seen, analysis = grouped
    draws = [(space, i) for space in ("darts", "darts_modified") for i in range(8)]
    of = {
        label: np.array([[seen[*d, f"wiring_{k}", label] for k in range(2)] for d in draws])
        for label in ("reference", "deep")
    }
    change = (of["deep"] - of["reference"]).mean(axis=1)
    found = row(analysis, "deep")
    assert found["n"] == 32 and found["space"] == "darts + darts_modified"
    assert found["difference"] == pytest.approx(change.mean())
    assert (found["p"], found["low"], found["high"]) == pytest.approx(sign_flip(change))
    assert found["low"] != pytest.approx(sign_flip((of["deep"] - of["reference"]).ravel())[1])


def test_spaces_are_compared_by_their_draws(grouped):
    seen, analysis = grouped
    means = [
        [np.mean([seen[space, i, f"wiring_{k}", "reference"] for k in range(2)]) for i in range(8)]
        for space in ("darts_modified", "darts")
    ]
    test = stats.ttest_ind(*means, equal_var=False)
    found = row(analysis, "darts_modified against darts")
    assert found["kind"] == "space" and found["n"] == 8
    assert found["difference"] == pytest.approx(np.mean(means[0]) - np.mean(means[1])) and 1 < found["difference"] < 3
    assert (found["p"], found["low"], found["high"]) == pytest.approx((test.pvalue, *test.confidence_interval(0.95)))


def test_wirings_are_judged_as_no_method(grouped):
    _, analysis = grouped
    assert (
        not analysis.methods and not len(analysis.runs) and not len(analysis.depth_gap) and not len(analysis.variance)
    )


def test_variance_is_split_by_space_operations_and_wiring(grouped):
    _, analysis = grouped
    parts = analysis.study_components.set_index("component")
    assert parts.index.tolist() == ["variant", "space", "operations", "wiring", "interaction", "seed"]
    assert parts["share"].sum() == pytest.approx(1) and parts["n"].unique().tolist() == [32]
    assert parts.loc["space", "variance"] == pytest.approx(2, rel=0.6)  # (2 points)² / 2
    assert parts.loc["operations", "variance"] > parts.loc["wiring", "variance"] > parts.loc["seed", "variance"]
    assert parts.loc["interaction", "variance"] == pytest.approx(0.25 / 2, rel=0.3)  # half gain 1 point more

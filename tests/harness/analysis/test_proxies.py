"""The study of proxies: correlations that are known, what a proxy adds to counting, and where the numbers come from."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.analysis.analysis import Analysis
from harness.analysis.proxies import beside, interval, proxies, study
from harness.analysis.results import read_results
from harness.analysis.table_facts import proxies as of_table
from harness.plan import config, registry
from harness.plan.jobs import Search, Training
from harness.report.figures.proxies import draw
from harness.report.tables.proxies import layout
from harness.running.job import JobPaths, search, train
from protocols.tables.parts.format import Imported
from protocols.tables.parts.importing import keep

RNG = np.random.default_rng(0)
SPACE = registry.space("nasbench201")


def found(accuracy, scores, **known):
    every = np.ones(len(accuracy), bool)
    rows = study(accuracy, scores, known.get("valid", every), known.get("ceiling", math.nan), known.get("seconds", {}))
    return rows.set_index("proxy")


def test_correlations_are_those_of_ranks():
    accuracy = RNG.random(200)
    noisy = accuracy + 0.3 * RNG.random(200)
    rows = found(
        accuracy, {"params": noisy, "exact": np.exp(9 * accuracy), "turned": -accuracy}, seconds={"exact": 2.0}
    )
    assert rows.index.tolist() == ["exact", "params", "turned"] and rows.loc["exact", "seconds"] == 2
    assert rows["spearman"].tolist() == pytest.approx([1, stats.spearmanr(noisy, accuracy).statistic, -1])
    assert rows.loc["params", "kendall"] == pytest.approx(stats.kendalltau(noisy, accuracy).statistic)
    best = accuracy >= np.quantile(accuracy, 0.9)
    assert rows.loc["params", "top"] == pytest.approx(stats.spearmanr(noisy[best], accuracy[best]).statistic)
    assert rows["n_top"].unique() == [20] and rows.loc["params", ["partial", "gain"]].isna().all()


def test_what_a_proxy_adds_to_params():
    size, skill = RNG.normal(size=(2, 5000))
    accuracy = size + skill
    partial, gain = beside(size + 0.01 * RNG.normal(size=5000), accuracy, size)
    assert abs(partial) < 0.05 and abs(gain) < 0.01  # it counts, and nothing else
    partial, gain = beside(skill, accuracy, size)
    assert partial > 0.95 and gain > 0.25
    x, y, z = (stats.rankdata(each) for each in (skill, accuracy, size))
    left = [each - np.polyval(np.polyfit(z, each, 1), z) for each in (x, y)]
    assert partial == pytest.approx(np.corrcoef(*left)[0, 1])


def test_intervals_cover():
    """95% of the intervals of samples of 40 hold the true correlation of ranks, 6/π asin(ρ/2)."""
    rng, truth, held = np.random.default_rng(1), 6 / math.pi * math.asin(0.7 / 2), 0
    for _ in range(400):
        x = rng.normal(size=(2, 40))
        low, high = interval(stats.spearmanr(x[0], 0.7 * x[0] + math.sqrt(1 - 0.49) * x[1]).statistic, 40)
        held += low < truth < high
    assert 0.92 <= held / 400 <= 0.98


def test_all_rows_are_of_the_same_architectures():
    accuracy = RNG.random(100)
    some = np.where(np.arange(100) < 70, accuracy, np.nan)
    few = np.where(np.arange(100) < 10, accuracy, np.nan)
    rows = found(accuracy, {"params": -accuracy, "some": some, "few": few, "constant": np.ones(100)})
    assert rows["n"].to_dict() == {"params": 70, "some": 70, "few": 10, "constant": 70}
    assert math.isnan(rows.loc["constant", "spearman"])
    chosen = np.arange(100) % 2 == 0
    assert found(accuracy, {"params": accuracy}, valid=chosen)["n_valid"].tolist() == [50]


def trainings(accuracies, repeat=0):
    axes = {"dataset": "d", "space": "nasbench201", "method": "random_sampling", "cells": 3, "repeat": repeat}
    texts = [SPACE.text((3, 3, i % 5, 1, i % 3, 2)) for i in range(len(accuracies))]
    rows = [{"seed": i, "accuracy": a, "arch": text} for i, (a, text) in enumerate(zip(accuracies, texts))]
    return pd.DataFrame(rows).assign(**axes, main=repeat == 0)


def test_the_ceiling_is_a_second_training():
    first = RNG.random(20)
    second = first + 0.2 * RNG.random(20)
    axes = {"dataset": "d", "space": "nasbench201", "method": "random_sampling", "seconds": 0.5}
    scores = pd.DataFrame([{"seed": i, "proxy": "params", "score": a} for i, a in enumerate(first)]).assign(**axes)
    rows = proxies(pd.concat([trainings(first), trainings(second, 1)]), scores)
    assert rows["ceiling"].tolist() == pytest.approx([stats.spearmanr(first, second).statistic])
    assert rows["spearman"].tolist() == [1.0] and rows["seconds"].tolist() == [0.5]


def planted(folder):
    """A table of 60 cells, whose accuracy a column `proxy_snip` knows exactly, and two runs."""
    archs = [SPACE.text((i % 5, 3, i // 5 % 5, 1, 2, i // 25)) for i in range(60)]
    rows = pd.DataFrame(
        [
            {
                "arch": arch,
                "dataset": "d",
                "seed": seed,
                "epochs": 9,
                "validation": 0.3 + i / 200,
                "proxy_snip": float(i),
            }
            | {"test": 0.2 + i / 100 + seed / 1000}
            for i, arch in enumerate(archs)
            for seed in (0, 1)
        ]
    )
    return keep(Imported("nasbench201", rows), folder, {}, "planted")


def test_a_benchmark_on_a_table_scores_its_random_architectures(tmp_path):
    table = planted(tmp_path / "table")
    assert of_table(table).set_index("proxy").loc["snip", ["spearman", "ceiling"]].tolist() == [1, 1]
    text = f"protocol: lookup\ndatasets: ['table:{tmp_path}/table#d']\nseeds: 1\nrandom: 30\nproxies: [params, snip]\n"
    (tmp_path / "c.yaml").write_text(text + "searches: [{method: random_search, space: nasbench201}]\n")
    jobs = config.load(tmp_path / "c.yaml").searches_of(f"table:{tmp_path}/table#d")
    (job, *_) = [job for job in jobs if job.method == "random_sampling"]
    assert dict(job.parameters) == {"scores": ("params", "snip")} and "proxies.snip" in job.modules()


def test_random_architectures_are_scored_where_they_are_drawn(tmp_path):
    """By records, from the search to the table of the report."""
    from harness.plan import datasets

    datasets.prepare(datasets.named("digits"), 8, tmp_path / "data", tmp_path)
    names = ("params", "snip", "reduced_samples")
    for seed in range(2):
        job = Search("smoke", "digits", "nasbench201", "random_sampling", seed, (("scores", names),), "portable")
        record = search(job, paths(tmp_path, f"records/search-{seed}"))
        assert record["status"] == "done" and set(record["measured"]["parts"]) == {f"score {name}" for name in names}
        plain = search(dataclasses.replace(job, parameters=()), paths(tmp_path, f"plain-{seed}"))
        assert plain["arch"] == record["arch"]  # scores decide nothing
        train(Training(job), record, paths(tmp_path, f"records/train-{seed}"))
    analysis = Analysis(read_results(tmp_path / "records"))
    scores = analysis.results.scores
    assert len(scores) == 6 and scores["score"].notna().all() and (scores["seconds"] > 0).all()
    assert not len(analysis.results.curves) and not len(analysis.results.progress)
    table = layout(analysis, "")
    assert [row[2:4] for row in table.rows] == [[name, "2"] for name in sorted(names)]


def paths(folder, name):
    return JobPaths(folder / "data", folder / f"{name}.json", folder / "work")


def test_the_figure_shows_every_proxy():
    frame = pd.concat([found(RNG.random(90), {name: RNG.random(90) for name in ("params", "snip")}, ceiling=0.8)])
    frame = frame.reset_index().assign(dataset="d", space="nasbench201")
    figure = draw(frame, {})
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == frame["proxy"].tolist()
    assert len(figure.axes[0].lines) == 2 * 2 * 2 + 3  # intervals and marks; params, the ceiling, 0

"""What tables say of training seeds, against the values that were computed from the same data elsewhere."""

import itertools

import numpy as np
import pandas as pd
import pytest

from harness.analysis import crossed
from harness.analysis.statistics import mean_tau
from harness.plan.registry import ROOT

DATA = ROOT.parent / "shared/data"
needed = pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")


@needed
def test_seeds_of_nas_bench_201():
    """Of the cells with three runs on CIFAR-10: tau of .909 over all, .459 in the best tenth."""
    table = pd.read_csv(DATA / "nb201/accuracies.csv.xz")
    runs = [f"test200_c10_s{seed}" for seed in (777, 888, 999)]
    three = table[table[runs].notna().all(axis=1)]
    best = three[three["test200_c10"] >= three["test200_c10"].quantile(0.9)]
    every, top = (
        mean_tau([(rows[a].to_numpy(), rows[b].to_numpy()) for a, b in itertools.combinations(runs, 2)])
        for rows in (three, best)
    )
    assert every == pytest.approx(0.909, abs=0.001) and top == pytest.approx(0.459, abs=0.01)


@needed
def test_seeds_of_nas_bench_macro():
    """All 6,561 networks have three runs: tau .882, standard deviation of the seed .151 with ddof 0."""
    table = pd.read_csv(DATA / "nb_macro/cifar10.csv.xz", dtype={"arch": str})
    runs = table[["acc0", "acc1", "acc2"]].to_numpy()
    assert mean_tau(list(itertools.combinations(runs.T, 2))) == pytest.approx(0.882, abs=0.001)
    seed = crossed.components(runs[None])[0][3]
    assert np.sqrt(seed * 2 / 3) == pytest.approx(np.sqrt(np.mean(runs.var(axis=1))))
    assert np.mean(runs.std(axis=1)) == pytest.approx(0.151, abs=0.001)

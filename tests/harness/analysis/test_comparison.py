"""Intervals are the test turned round, so they and the verdicts never contradict each other."""

import math

import numpy as np
import pytest

from harness.analysis.comparison import Comparison, judged
from harness.analysis.permutation import two_sided

RANDOM = [0.80, 0.82, 0.84, 0.861, 0.88, 0.91]
EDGE = 1e-6


def test_an_interval_ends_where_the_test_begins_to_reject():
    comparison = Comparison.of([([0.90, 0.92, 0.945], RANDOM)])
    low, high = comparison.interval()
    assert low < comparison.improvement < high
    for bound, out in ((low, -EDGE), (high, EDGE)):
        inside, outside = (1 / (1 + bound / 100 + shift) for shift in (-out, out))
        assert two_sided(comparison.strata, inside)[0] > 0.05 >= two_sided(comparison.strata, outside)[0]
    assert comparison.improvement == pytest.approx(100 * (np.mean([0.90, 0.92, 0.945]) / np.mean(RANDOM) - 1))


def test_pooled_over_datasets_the_mean_log_ratio_counts():
    pairs = [([0.90, 0.92], [0.80, 0.82, 0.84]), ([0.50, 0.55, 0.52], [0.51, 0.56])]
    ratio = math.sqrt(math.prod(np.mean(method) / np.mean(random) for method, random in pairs))
    assert Comparison.of(pairs).improvement == pytest.approx(100 * (ratio - 1))


def test_one_run_is_not_compared():
    assert Comparison.of([([0.9], RANDOM)]) is None and Comparison.of([(RANDOM, [0.9])]) is None
    assert Comparison.of([]) is None
    (row,) = judged([None])
    assert row["verdict"] == "no interval" and math.isnan(row["p"]) and math.isnan(row["holm_low"])


def test_too_few_arrangements_give_no_interval():
    comparison = Comparison.of([([0.9, 0.91, 0.92], [0.5, 0.51, 0.52])])
    assert comparison.p == pytest.approx(2 / 20) and np.isnan(comparison.interval()).all()
    assert np.isfinite(comparison.interval(0.2)).all()


def test_constant_values_have_an_interval_without_width_and_zeros_none():
    comparison = Comparison.of([([0.9] * 3, [0.8] * 6)])
    assert comparison.interval() == pytest.approx((12.5, 12.5))
    assert judged([comparison])[0]["verdict"] == "better"
    assert np.isnan(Comparison.of([([0.0] * 3, RANDOM)]).interval()).all()
    assert Comparison.of([([0.5, 0.6, 0.7], [0.0] * 6)]) is None  # nothing is relative to 0


def _family(rng):
    """Comparisons of every kind: skewed, tied, constant, pooled, with and without an effect."""
    family = [None]
    for _ in range(rng.integers(1, 12)):
        n, k, effect = rng.integers(2, 6), rng.integers(2, 9), rng.choice([0.0, 0.0, 0.05, -0.1, 0.3])
        pairs = []
        for _ in range(rng.choice([1, 1, 2, 3])):
            values = 0.9 - 0.05 * rng.lognormal(0, 0.7, n + k)
            values = np.clip(np.round(values, rng.choice([1, 2, 6])), 0.01, 1)
            pairs.append(((1 + effect) * values[:n], values[n:]))
        family.append(Comparison.of(pairs))
    return family


def test_interval_and_verdict_never_contradict_each_other():
    rng, seen = np.random.default_rng(0), set()
    for _ in range(8):
        for row in judged(_family(rng)):
            _agree(row["low"], row["high"], "" if not row["p"] <= 0.05 else None)
            _agree(row["holm_low"], row["holm_high"], row["verdict"])
            seen.add(row["verdict"])
    assert seen == {"better", "worse", "not distinguishable", "no interval"}


def _agree(low, high, verdict):
    if math.isnan(low):
        assert verdict in ("", "not distinguishable", "no interval")
    elif verdict in ("better", "worse"):
        assert low > 0 if verdict == "better" else high < 0
    elif verdict is None:
        assert low > 0 or high < 0
    else:
        assert low <= 0 <= high


def test_the_true_ratio_is_covered():
    """The method's runs are random architectures, multiplied: skewed, 5 against 10."""
    rng, covered = np.random.default_rng(1), 0
    for _ in range(300):
        values = 0.95 - 0.03 * rng.lognormal(0, 0.9, 15)
        low, high = Comparison.of([(1.1 * values[:5], values[5:])]).interval()
        covered += low <= 10 <= high
    assert 0.92 < covered / 300 < 0.98

"""Statistics against numbers worked out by hand, and against scipy."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from harness.analysis import statistics

METHOD = [0.90, 0.92, 0.94]
RANDOM = [0.80, 0.82, 0.84, 0.86, 0.88, 0.90]


def test_relative_improvement_by_hand():
    assert statistics.relative_improvement(METHOD, RANDOM) == pytest.approx(100 * 0.07 / 0.85)
    percent = statistics.relative_improvement([90, 92, 94], [80, 82, 84, 86, 88, 90])
    assert percent == pytest.approx(statistics.relative_improvement(METHOD, RANDOM))
    assert math.isnan(statistics.relative_improvement([0.5], [0.0]))


def test_published_means_of_the_tricks():
    """Base 94.96, all of DARTS' tricks 97.00 (NAS evaluation is frustratingly hard, section 5): +2.148%."""
    assert statistics.relative_improvement([97.00], [94.96]) == pytest.approx(2.148, abs=5e-4)


def test_intervals_are_seeded_by_their_axes_and_by_nothing_else():
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    sample = np.random.default_rng(0).standard_normal(20)
    first = statistics.mean_interval(sample, dataset="digits", method="darts")
    assert first == statistics.mean_interval(sample, dataset="digits", method="darts")
    assert first != statistics.mean_interval(sample, dataset="glyphs", method="darts")
    assert (np.random.get_state()[1] == before).all()


def test_one_run_has_no_test_and_no_verdict():
    assert math.isnan(statistics.difference_test([0.9], RANDOM))
    assert statistics.verdict(1.0, math.nan) == "no interval"


def test_welch_by_hand():
    # means 0.92, 0.85; s² = 0.0004, 0.0014; standard error² = 0.0004/3 + 0.0014/6
    error = 0.0004 / 3 + 0.0014 / 6
    freedom = error**2 / ((0.0004 / 3) ** 2 / 2 + (0.0014 / 6) ** 2 / 5)
    p = 2 * stats.t.sf(0.07 / math.sqrt(error), freedom)
    assert statistics.difference_test(METHOD, RANDOM) == pytest.approx(p, rel=1e-9)


def test_constant_samples_get_the_permutation_p():
    assert statistics.difference_test([0.9] * 3, [0.8] * 6) == pytest.approx(2 / 84)
    p = stats.permutation_test(
        ([0.9] * 3, [0.8] * 6), lambda a, b: np.mean(a) - np.mean(b), n_resamples=math.inf
    ).pvalue
    assert statistics.difference_test([0.9] * 3, [0.8] * 6) == pytest.approx(p)
    assert statistics.difference_test([0.9, 0.9], [0.9, 0.9, 0.9]) == 1.0


def test_holm_by_hand():
    # sorted .005 .01 .03 .04 times 4 3 2 1 = .02 .03 .06 .04; made monotone: .02 .03 .06 .06
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.6, 0.9]).tolist() == [1.0, 1.0]
    with_gap = statistics.holm([0.01, math.nan, 0.03])
    assert with_gap[::2] == pytest.approx([0.02, 0.03])
    assert math.isnan(with_gap[1])
    assert not len(statistics.holm([]))


def test_many_families_at_once_are_each_by_itself_and_statsmodels():
    families = np.random.default_rng(0).uniform(0, 0.2, (5, 6)) ** 2
    theirs = [multipletests(family, method="holm")[1] for family in families]
    assert statistics.holm(families) == pytest.approx(np.array(theirs))


def test_levels_of_holm_by_hand():
    # .005 against .05/4, .01 against .05/3: rejected; .03 against .05/2: not, and so are all that follow
    levels = statistics.holm_levels([0.01, 0.04, math.nan, 0.03, 0.005])
    assert [levels[i] for i in (4, 0, 3, 1)] == pytest.approx([0.05 / 4, 0.05 / 3, 0.05 / 2, 0.05 / 2])
    assert math.isnan(levels[2])
    assert statistics.holm_levels([0.001, 0.002]) == pytest.approx([0.025, 0.05])
    assert statistics.holm_levels([0.6]).tolist() == [0.05] and not len(statistics.holm_levels([]))
    assert np.isnan(statistics.holm_levels([math.nan])).all()


def test_a_value_is_at_most_its_level_exactly_where_holm_rejects_it():
    rng = np.random.default_rng(0)
    for _ in range(300):
        p = list(rng.choice([0.001, 0.004, 0.01, 0.0125, 0.03, 0.2, 0.7, math.nan], 6))
        for value, corrected, level in zip(p, statistics.holm(p), statistics.holm_levels(p)):
            assert math.isnan(value) or (value <= level * (1 + 1e-12)) == (corrected <= 0.05)


@pytest.mark.parametrize(
    ("improvement", "p", "expected"),
    [
        (1, 0.01, "better"),
        (-1, 0.01, "worse"),
        (1, 0.05, "better"),
        (1, 0.0501, "not distinguishable"),
        (-1, 0.9, "not distinguishable"),
    ],
)
def test_verdict(improvement, p, expected):
    assert statistics.verdict(improvement, p) == expected


@pytest.mark.parametrize("value", [0.7, 0.82, 0.85, 0.9, 1.0])
def test_percentile_against_scipy(value):
    assert statistics.percentile(value, RANDOM) == pytest.approx(stats.percentileofscore(RANDOM, value, kind="mean"))


def test_percentile_of_runs_by_hand_and_as_mann_whitney():
    # 0.82 is above one of six and equal to one: 25; 0.90 is above five and equal to one: 91.7
    assert statistics.percentile([0.82, 0.90], RANDOM) == pytest.approx((100 * 1.5 / 6 + 100 * 5.5 / 6) / 2)
    u = stats.mannwhitneyu(METHOD, RANDOM).statistic
    assert statistics.percentile(METHOD, RANDOM) == pytest.approx(100 * u / 18)


def test_the_percentile_of_large_samples_has_the_interval_of_small_ones(monkeypatch):
    """Drawn one by one, and in parts, or as counts: other draws of the same bootstrap."""
    rng = np.random.default_rng(0)
    method, random = rng.normal(0.81, 0.02, 450), rng.normal(0.8, 0.02, 600)
    one_by_one = statistics.percentile_interval(method, random)
    monkeypatch.setattr(statistics, "MANY", 1000)
    assert one_by_one == pytest.approx(statistics.percentile_interval(method, random), abs=0.3)


def test_percentile_interval_is_the_bootstrap_of_both_samples():
    rng = np.random.default_rng(0)
    method, random = rng.normal(0.85, 0.02, 8), rng.normal(0.84, 0.03, 16)
    low, high = statistics.percentile_interval(method, random, dataset="digits")
    runs, archs = rng.choice(method, (20_000, 8)), rng.choice(random, (20_000, 16))
    drawn = 100 * np.mean(runs[:, :, None] > archs[:, None], axis=(1, 2))
    drawn += 50 * np.mean(runs[:, :, None] == archs[:, None], axis=(1, 2))
    assert (low, high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=1)
    assert (low, high) == statistics.percentile_interval(method, random, dataset="digits")
    assert statistics.percentile_interval(method + 1, random) == (100, 100)  # nothing overlaps: no width


def test_percentiles_of_few_have_no_interval():
    assert np.isnan(statistics.percentile_interval([0.8, 0.9] * 4, [0.7, 0.95] * 7)).all()  # 8 against 14
    assert np.isnan(statistics.percentile_interval([0.8, 0.9, 0.8], [0.7, 0.95] * 8)).all()  # 3 against 16


@pytest.mark.parametrize(("effect", "published"), [(0.2, 394), (0.5, 64), (0.8, 26), (1.0, 17)])
def test_runs_needed_are_the_published_ones(effect, published):
    """R's pwr.t.test for two samples, two-sided 0.05, power 0.8: 393.41, 63.77, 25.52, 16.71, rounded up."""
    spread = np.array([-1.0, 0.0, 1.0])  # standard deviation 1
    assert statistics.runs_needed(spread + effect, spread) == published


def test_runs_needed_have_the_power_and_one_less_has_not():
    """Welch's test on simulated runs of unequal spread."""
    method, random = np.array([-2.0, 0, 2]) + 2.2, np.array([-0.5, 0, 0.5])
    n = int(statistics.runs_needed(method, random))
    assert 2 < n < 20
    rng = np.random.default_rng(0)

    def power(n):
        a, b = 2.2 + 2 * rng.standard_normal((40_000, n)), 0.5 * rng.standard_normal((40_000, n))
        return np.mean(stats.ttest_ind(a, b, axis=1, equal_var=False).pvalue < 0.05)

    assert power(n) > 0.79 and power(n - 1) < 0.8


def test_runs_needed_at_the_ends():
    assert statistics.runs_needed([0.5, 0.7], [0.6, 0.601]) == math.inf
    assert statistics.runs_needed([0.5, 0.7], [0.5, 0.7]) == math.inf  # an RI of 0 is never significant
    assert statistics.runs_needed([0.9, 0.9], [0.8, 0.8]) == 2
    assert statistics.runs_needed([0.8, 0.8], [0.8, 0.8]) == math.inf
    assert math.isnan(statistics.runs_needed([0.9], RANDOM)) and math.isnan(statistics.runs_needed(METHOD, [0.9]))
    assert statistics.runs_needed(METHOD, RANDOM) == statistics.runs_needed(
        *(100 * np.array(x) for x in (METHOD, RANDOM))
    )


def test_tau_by_hand_and_against_scipy():
    # 1 2 3 4 against 1 3 2 4: five concordant pairs, one discordant
    assert statistics.rank_agreement([([1, 2, 3, 4], [1, 3, 2, 4])])[0] == pytest.approx(4 / 6)
    rng = np.random.default_rng(0)
    for _ in range(20):
        x, y = rng.integers(6, size=(2, 12)).astype(float)  # many ties
        assert statistics.rank_agreement([(x, y)])[0] == pytest.approx(stats.kendalltau(x, y).statistic)


def test_tau_interval_is_the_bootstrap_over_architectures():
    rng = np.random.default_rng(1)
    x = rng.standard_normal(32)
    y = x + rng.standard_normal(32)
    _, low, high = statistics.rank_agreement([(x, y)], dataset="digits")
    draws = rng.integers(32, size=(2000, 32))
    plain = np.quantile([stats.kendalltau(x[d], y[d]).statistic for d in draws], [0.025, 0.975])
    assert (low, high) == pytest.approx(tuple(plain), abs=0.03)


def test_tau_averages_pairs_and_leaves_out_the_untrained():
    x, y, z = [1, 2, 3, 4], [1, 3, 2, 4], [4, 3, 2, 1]
    assert statistics.rank_agreement([(x, y), (x, z)])[0] == pytest.approx((4 / 6 - 1) / 2)
    assert statistics.rank_agreement([([1, 2, math.nan, 4], [1, 2, 0, 4])])[0] == pytest.approx(1)
    assert np.isnan(statistics.rank_agreement([])).all()
    assert np.isnan(statistics.rank_agreement([([1, 1, 1], [1, 2, 3])])).all()
    assert np.isnan(statistics.rank_agreement([([1, 2], [1, 2])])[1:]).all()


def test_interval_of_a_mean():
    sample = np.arange(20.0)
    low, high = statistics.mean_interval(sample, dataset="digits")
    assert low == pytest.approx(9.5 - 1.96 * sample.std() / math.sqrt(20), abs=0.15)
    assert high == pytest.approx(9.5 + 1.96 * sample.std() / math.sqrt(20), abs=0.15)
    assert np.isnan(statistics.mean_interval([1.0])).all()


def test_rank_gap_is_the_jackknife_by_hand():
    rng = np.random.default_rng(0)
    a, b, c = (rng.standard_normal(9) for _ in range(3))

    def gap(kept):
        tau, ceiling = (stats.kendalltau(x[kept], y[kept]).statistic for x, y in ((a, c), (a, b)))
        return ceiling - tau

    left_out = [gap(np.arange(9) != i) for i in range(9)]
    error = math.sqrt(8 / 9 * np.sum((left_out - np.mean(left_out)) ** 2))
    found, low, high, p = statistics.rank_gap([(a, c)], [[(a, b)], []])
    assert found == pytest.approx(gap(np.arange(9)))
    assert (high - low) / 2 == pytest.approx(stats.t.isf(0.025, 8) * error)
    assert p == pytest.approx(2 * stats.t.sf(abs(found) / error, 8))
    assert (p < 0.05) == (not low <= 0 <= high)


def test_a_rank_gap_that_is_there_is_found_and_one_that_is_not_is_not():
    rng = np.random.default_rng(1)
    found = {True: 0, False: 0}
    for _ in range(60):
        quality, other = rng.standard_normal((2, 24))
        for there in found:
            small = quality + 0.4 * rng.standard_normal((2, 24))
            large = (other if there else quality) + 0.4 * rng.standard_normal((2, 24))
            gap, _, _, p = statistics.rank_gap([(x, y) for x in small for y in large], [[tuple(small)], [tuple(large)]])
            found[there] += p < 0.05 and gap > 0
    assert found[True] > 50 and found[False] <= 4


def test_a_rank_gap_needs_a_ceiling_and_four_architectures_that_differ():
    x = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert np.isnan(statistics.rank_gap([(x, x[::-1])], [[], []])).all()
    assert np.isnan(statistics.rank_gap([], [[(x, x)]])).all()
    assert np.isnan(statistics.rank_gap([(x[:3], x[:3])], [[(x[:3], x[:3])]])).all()
    assert np.isnan(statistics.rank_gap([(x, x)], [[(x, x)]])[1:]).all()  # nothing varies: no interval
    assert np.isnan(statistics.rank_gap([([1.0] * 5, x)], [[(x, x)]])).all()

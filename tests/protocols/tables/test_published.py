"""The published tables give the published numbers; skipped where they are not on this machine."""

import numpy as np
import pytest

from harness.analysis.table_facts import proxies
from protocols.tables.parts.importing import import_table
from spaces.base import UserError
from tests.protocols.tables.sources import DATA, real

pytestmark = real
SKIP = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """NAS-Bench-201, with seconds and the costs of devices."""
    sources = [
        DATA / "nb201" / f"{name}.csv.xz" for name in ("accuracies", "times_1000", "hw_nas_bench", "zero_cost_suite")
    ]
    return import_table(sources, tmp_path_factory.mktemp("tables") / "nb201")


def test_optima_means_and_named_cells(cells):
    assert len(cells.archs) == 5**6
    assert [round(100 * cells.optimum(d)[1], 2) for d in cells.datasets] == [94.37, 73.51, 47.31]
    assert cells.optimum("cifar10")[0] == BEST
    means = [100 * cells.values(d, "test").mean() for d in cells.datasets]
    assert means == pytest.approx([87.06, 61.41, 33.59], abs=0.005)
    assert 100 * cells.test(SKIP, "cifar10") == pytest.approx(54.30, abs=0.005)
    assert cells.fidelities("cifar10") == (12,) and cells.fidelities("cifar10", "test") == (12, 200)


def test_the_best_by_validation_is_the_published_choice(cells):
    best = cells.archs[int(cells.values("cifar10").argmax())]
    assert 100 * cells.test(best, "cifar10") == pytest.approx(94.37, abs=0.005)


def test_random_search_in_closed_form(cells):
    """The mean test accuracy of the best of n by validation, of published experiments."""
    from scipy.special import gammaln

    order = np.argsort(-cells.values("cifar10"), kind="stable")
    tests, total = 100 * cells.values("cifar10", "test")[order], len(order)

    def expected(n):
        rank = np.arange(total - n + 1)
        log = gammaln(total - rank) - gammaln(total - rank - n + 1) - gammaln(n)
        log -= gammaln(total + 1) - gammaln(n + 1) - gammaln(total - n + 1)
        return float(np.exp(log) @ tests[rank])

    assert [round(expected(n), 2) for n in (1, 10, 100)] == [87.06, 92.58, 93.73]


def test_seconds_and_costs(cells):
    first = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    assert cells.archs[0] == first
    assert cells.validation(first, "cifar10").seconds == pytest.approx(12 * 7.22109, rel=1e-4)  # on half of the images
    assert cells.validation(first, "imagenet16_120").seconds == pytest.approx(12 * 43.82, rel=1e-3)
    assert cells.costs(first, "cifar10")["latency_edgegpu"] == 5.80742
    assert cells.facts["units"]["latency_edgegpu"] == "ms"
    assert cells.costs(first, "cifar10")["proxy_synflow"] == 46.36094
    assert (
        ~np.isnan(cells.cost_columns("cifar10")["proxy_jacob_cov"])
    ).sum() == 9445  # the others are broken: no score


def test_a_table_of_test_accuracies_is_refused(tmp_path):
    with pytest.raises(UserError, match="no validation accuracy of its own"):
        import_table([DATA / "nats_bench_tss.csv"], tmp_path / "t")
    table = import_table([DATA / "nats_bench_tss.csv"], tmp_path / "t", validation="test")
    assert table.warning and table.optimum("cifar10")[0] == BEST


def test_values_that_a_public_suite_calls_validation_are_refused(tmp_path):
    about = """
space: nasbench201
unit: percent
columns: {arch: arch}
fixed: {dataset: cifar10, epochs: 200}
metrics: {validation: COLUMN, test: test200_c10_s888}
"""
    import pandas as pd

    import spaces

    frame = pd.read_csv(DATA / "nb201/accuracies.csv.xz", dtype={"ops": str})
    space = spaces.space("nasbench201")
    frame["arch"] = [space.text(tuple(map(int, ops))) for ops in frame["ops"]]
    frame.to_csv(tmp_path / "suite.csv", index=False)
    for column, said in (
        ("naslib_val_c10_is_oritest_s888", "says that it holds test values"),
        ("test200_c10_s888", "are its test accuracies"),
    ):
        (tmp_path / "t.yaml").write_text(about.replace("COLUMN", column))
        with pytest.raises(UserError, match=said):
            import_table([tmp_path / "t.yaml", tmp_path / "suite.csv"], tmp_path / "t")


def test_nasbench_macro(tmp_path):
    source = DATA / "nb_macro/cifar10.csv.xz"
    with pytest.raises(UserError, match="--validation test"):
        import_table([source], tmp_path / "t")
    table = import_table([source], tmp_path / "t", validation="test")
    arch, accuracy = table.optimum("cifar10")
    assert (arch, round(100 * accuracy, 2)) == ("22212202", 93.13)
    assert 100 * table.values("cifar10", "test").mean() == pytest.approx(90.2466, abs=1e-4)
    assert table.seeds(arch, "cifar10") == (0, 1, 2)
    assert table.costs("00000000", "cifar10") == {"parameters": 387882, "macs": 7713280}


def test_correlations_of_proxies(cells):
    """NAS-Bench-Suite-Zero's scores against accuracies on CIFAR-10, 9,445 cells; its jacob_cov is `jacov`."""
    rows = proxies(cells)
    rows = rows[rows["dataset"] == "cifar10"].set_index("proxy").round(2)
    assert set(rows["n"]) == {9445}
    assert rows.loc["nwot", ["spearman", "kendall", "top", "partial"]].tolist() == [0.81, 0.62, -0.10, 0.53]
    assert rows.loc["jacob_cov", ["spearman", "kendall", "top", "partial"]].tolist() == [0.80, 0.62, 0.16, 0.74]
    assert rows.loc["synflow", ["spearman", "top", "partial"]].tolist() == [0.78, 0.23, 0.27]
    assert rows.loc["params", "spearman"] == 0.80 and rows.loc["validation 12", "spearman"] == 0.78

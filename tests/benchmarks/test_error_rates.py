"""The measured error rates: what the script computes, on little."""

import numpy as np
import pytest

from benchmarks import error_rates


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(error_rates, "TABLES", 1000)
    monkeypatch.setattr(error_rates, "ARRANGEMENTS", 500)


def test_means_are_those_of_the_populations():
    for draw, mean in error_rates.populations(None).values():
        assert draw(np.random.default_rng(0), (2000, 500)).mean() == pytest.approx(mean, rel=1e-3)


def test_rates_of_a_skewed_population(small):
    draw, mean = error_rates.populations(None)["skewed"]
    better, worse, welch, interval, half, t_interval, *pooled = error_rates.rates("skewed", draw, mean, 5, 30)
    assert 0.03 < better + worse < 0.07 < welch  # few skewed runs against many: Welch's test errs
    assert interval == pytest.approx(1 - better - worse) and half > 0.9
    assert t_interval < 0.93 < interval
    assert sum(pooled) < 0.08


def test_the_table_has_a_row_for_every_size(small, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(error_rates, "TABLES", 20)
    monkeypatch.setattr(error_rates, "SIZES", ((3, 6), (5, 10)))
    path = tmp_path / "accuracies.csv"
    path.write_text("index,test200_c10\n0,93.1\n1,10.0\n2,90.4\n3,91\n")
    error_rates.main(str(path))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:4]] == [["| normal", "3 × 6"], ["| normal", "5 × 10"]]
    assert len(lines) == 2 + 3 * 2 and len({line.count("|") for line in lines}) == 1

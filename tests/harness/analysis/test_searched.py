"""The table of whether methods searched, against cases computed by hand."""

import pandas as pd
import pytest

from harness.analysis.results import CURVES
from harness.analysis.searched import ENOUGH, searched
from harness.report.tables.base import not_searched

ENTROPY = [2.0, 1.9, 1.0]  # falls to a half


def curves(val, entropy=ENTROPY, dataset="digits", metric="alpha_entropy", seed=0):
    logged = {"val_accuracy": val, metric: entropy}
    rows = [
        (dataset, "darts", "darts", seed, name, i, v) for name, values in logged.items() for i, v in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=CURVES)


def random(accuracy=90.0, dataset="digits"):
    return pd.DataFrame(
        [(dataset, "darts", "random_sampling", accuracy)], columns=["dataset", "space", "method", "accuracy"]
    )


def row(*parts, trained=None):
    (found,) = searched(pd.concat(parts), random() if trained is None else trained).to_dict("records")
    return found


def test_half_of_the_way_from_guessing_to_a_trained_network():
    """digits has ten classes: guessing gives 10%, and 50% is half of the way to 90%."""
    found = row(curves([0.1, 0.3, 0.5]))
    assert [found[name] for name in ("learned", "least_learned", "decided")] == pytest.approx([50, 50, 50])
    assert found["searched"] == "searched" and found["n"] == 1 and found["datasets"] == 1


@pytest.mark.parametrize(
    ("val", "entropy", "said"),
    [
        ([0.1, 0.1, 0.49], ENTROPY, "decided, on weights that hardly learned"),
        ([0.1, 0.9, 0.1], ENTROPY, "decided, on weights that hardly learned"),  # the last epoch counts
        ([0.1, 0.3, 0.5], [2.0, 2.0, 1.85], "learned, and hardly decided"),
        ([0.1, 0.3, 0.5], [1.0, 2.0, 1.85], "learned, and hardly decided"),  # rising is not deciding
        ([0.1, 0.3, 0.5], [1.0, 2.0, 1.75], "searched"),
        ([0.1, 0.3, 0.4], [2.0, 2.0], "neither learned nor decided"),
        ([0.1, 0.3, 0.5], [], "learned"),
        ([0.1, 0.1, 0.2], [], "hardly learned"),
    ],
)
def test_the_bounds(val, entropy, said):
    found = row(curves(val, entropy))
    assert found["searched"] == said
    notes = not_searched(pd.DataFrame([found]))
    assert len(notes) == (said not in ENOUGH) and all(f"DARTS ({said}). No" in note for note in notes)


def test_means_over_searches_and_datasets_count_each_dataset_once():
    """digits: 0 and 100%, glyphs (26 classes): 0%, each search as far as it went."""
    several = curves([0.1, 0.1]), curves([0.1, 0.5, 0.9], seed=1), curves([1 / 26], dataset="glyphs")
    trained = pd.concat([random(), random(dataset="glyphs")])
    found = row(*several, trained=trained)
    assert [found["learned"], found["least_learned"]] == pytest.approx([25, 0], abs=1e-9)
    assert (found["datasets"], found["n"]) == (2, 3)


def test_gates_come_before_an_entropy_of_nothing():
    kept = curves([0.1, 0.9], [0.0, 0.0])
    gates = curves([0.1, 0.9], [1.0, 0.8], metric="gates_kept")
    assert row(kept, gates.iloc[2:])["decided"] == pytest.approx(20)


@pytest.mark.parametrize("dataset", ["digits", "a dataset of others"])
def test_nothing_to_compare_with_is_no_row(dataset):
    trained = random(dataset="glyphs" if dataset == "digits" else dataset)
    assert searched(curves([0.1, 0.9], dataset=dataset), trained).empty
    assert not_searched(searched(curves([]), random())) == []

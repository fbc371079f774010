"""The table of how searches went, against a case computed by hand."""

import pandas as pd
import pytest

from harness.analysis.analysis import Analysis
from harness.analysis.results import CURVES, Results
from harness.report.tables import courses

ACCURACY = {0: [0.1, 0.2, 0.6], 1: [0.3, 0.4, 1.0]}  # by seed: one value per epoch


def analysis(rows):
    nothing = pd.DataFrame()
    return Analysis(Results(nothing, nothing, pd.DataFrame(rows, columns=CURVES), {}))


def test_first_middle_and_last_epoch():
    rows = [
        ("digits", "darts", "darts", seed, "val_accuracy", epoch, value)
        for seed, values in ACCURACY.items()
        for epoch, value in enumerate(values)
    ]
    rows += [("digits", "darts", "darts", 0, "lr", epoch, 0.1) for epoch in range(3)]
    learning_rate, accuracy = analysis(rows).courses.to_dict("records")
    assert [accuracy[name] for name in ("metric", "n", "epochs")] == ["val_accuracy", 2, 3]
    assert [accuracy[name] for name in ("first", "middle", "last")] == pytest.approx([0.2, 0.3, 0.8])
    assert accuracy["last_std"] == pytest.approx(0.08**0.5)
    assert learning_rate["n"] == 1 and pd.isna(learning_rate["last_std"])
    shown = courses.layout(analysis(rows), "Made here.")
    assert shown.rows == [["digits", "darts", "darts", "val accuracy", "2", "3", "0.20", "0.30", "0.80 ± 0.28"]]
    assert shown.caption.endswith("Made here.")


def test_nothing_logged_is_an_empty_table():
    assert courses.layout(analysis([]), "").rows == []

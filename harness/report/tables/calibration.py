"""How often the report's tests would be wrong on this run's own accuracies, and what they would find."""

from __future__ import annotations

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.analysis.calibration import MOST
from harness.analysis.statistics import ALPHA
from harness.report.tables.base import samples
from harness.report.typeset import Table, from_to, number

HEADERS = [
    *("tests", "true effect", "n", "better, %\nby itself", "worse, %\nby itself"),
    *("better, %\nafter Holm", "worse, %\nafter Holm", "tables with\nany, %"),
]
NAMES = {"methods": "methods over all datasets", "cells": "methods by dataset"}


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.calibration


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.calibration
    shown = ["better", "worse", "better_holm", "worse_holm", "any_holm"]
    rows = [
        [
            *(NAMES[row.family], f"+{row.effect}%" if row.effect else "none", f"{row.tests}"),
            *(number(100 * getattr(row, name), 1) for name in shown),
        ]
        for row in frame.itertuples()
    ]
    caption = (
        f"The tests of this report on {from_to(frame['tables'])} imagined tables, in which the truth is known:"
        " every method's runs and its random architectures are drawn anew, with replacement, from this run's own random"
        f" architectures, as many as the run has ({samples(analysis.relative_improvement)}), and the method's"
        " accuracies are raised by the"
        " true effect. In percent of the n tests: how many the report would call better or worse, each by itself at"
        f" {ALPHA} and corrected by Holm; in percent of tables: where it calls any. Without an effect these are errors:"
        " better and worse by itself should be near 2.5 each, and tables with any after Holm at most 5. With an effect,"
        f" which all have, better is the power; arrangements: {MOST['methods']:,} and {MOST['cells']:,} at most."
        f" {origin}"
    )
    return Table(HEADERS, rows, caption, labels=2)

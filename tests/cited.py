"""What the tests of cited numbers share: the rows of a snapshot's tables, and how pages write their values."""

import csv
import re
import statistics

from harness.plan import registry

RESULTS = "docs/results.md"
SAID = {"better": "**better**", "worse": "**worse**", "not distinguishable": "≈"}


def rows(part, table):
    """A table of the snapshot that this part of a page names first."""
    folder = re.search(r"results/published/[\w.-]*\w", part)[0]
    with open(registry.ROOT / folder / "tables" / f"{table}.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def signed(value, digits=1):
    shown = f"{float(value):+.{digits}f}".replace("-", "−")
    return shown[1:] if not float(f"{float(value):.{digits}f}") else shown


def judged(row, digits=1):
    """A relative improvement with its verdict, and the interval that belongs to the verdict."""
    interval = f"[{signed(row['holm_low'], digits)}, {signed(row['holm_high'], digits)}]"
    return f"{signed(row['ri'], digits)} {SAID[row['verdict']]}<br>{interval}"


def p_of(row):
    p = float(row["p_holm"])
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def percent(values, form="{:.2f}"):
    return form.format(100 * statistics.mean(values))


def estimated(row, value, low, high, form):
    """A number with its interval; nothing where it has none."""
    if not row[value]:
        return ""
    numbers = [form.format(round(float(row[name]), 9)).replace("-", "−") for name in (value, low, high)]
    return f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"


SHARES = ("share", "share_low", "share_high")

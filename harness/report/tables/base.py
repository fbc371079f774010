"""What several tables say in the same way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from harness.analysis.comparison import SIGNIFICANT, UNDEFINED
from harness.analysis.results import percent_factor
from harness.analysis.searched import ENOUGH
from harness.analysis.statistics import ALPHA
from harness.plan import titles
from harness.report.typeset import from_to, interval, number, probability

TEST = "a studentised permutation test of the log ratio of means, two-sided"


def samples(improvement: pd.DataFrame) -> str:
    """How many runs and random architectures a table compares, as captions write it after "n = "."""
    runs, random = from_to(improvement["n_method"]), from_to(improvement["n_random"])
    return f"{runs} runs per method against {random} random architectures"


def mean_and_deviation(mean: float, deviation: float, factor: float = 1.0) -> str:
    return number(mean * factor) + ("" if pd.isna(deviation) else f" ± {number(deviation * factor)}")


def percent_factors(frame: pd.DataFrame, *columns: str) -> pd.Series:
    """What the accuracies in these columns have to be multiplied by to be percentages, for each row; a dataset has one
    unit."""
    largest = frame[list(columns)].max(axis=1).groupby(frame["dataset"]).transform("max")
    return largest.map(lambda value: percent_factor(pd.Series([value])))


def failed_runs(runs: pd.DataFrame) -> list[str]:
    """A footnote that names every run without an accuracy; none where there is none."""
    failed = runs[runs["accuracy"].isna()]
    return [f"Left out of means, intervals and tests: {named(failed)}."] if len(failed) else []


def not_searched(searched: pd.DataFrame) -> list[str]:
    """A footnote on the methods whose shared weights hardly learned, or whose architecture parameters hardly moved;
    none where there is none."""
    of = defaultdict(list)
    for row in searched[~searched["searched"].isin(ENOUGH)].itertuples():
        of[row.searched].append(titles.of(row.method, row.space))
    listed = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in sorted(of.items()))
    return [f"Not searched at this size (section 5): {listed}. No verdict on them as published."] if of else []


def named(failed: pd.DataFrame, details: Callable[[Any], str] = lambda run: "") -> str:
    """Runs in words; those that differ in their seed alone stand together. `details`: what follows the seeds."""
    seeds = defaultdict(list)
    for run in failed.itertuples():
        where = f"{titles.of(run.method, run.space)} on {titles.dataset(run.dataset)}"
        seeds[where, f"{details(run)} ({run.status})"].append(run.seed)
    return "; ".join(f"{runs}, {_seeds(of)}{end}" for (runs, end), of in seeds.items())


def _seeds(numbers: list[int]) -> str:
    """ "seed 3", "seeds 0 to 4, 7"."""
    parts: list[list[int]] = []
    for seed in sorted(numbers):
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    said = [f"{part[0]} to {part[-1]}" if len(part) > 2 else ", ".join(map(str, part)) for part in parts]
    return f"seed{'s' * (len(numbers) > 1)} {', '.join(said)}"


def untested(improvement: pd.DataFrame) -> str:
    """The sentences on single runs, and on baselines of mean 0, where there are any."""
    verdicts = set(improvement["verdict"])
    single = " No interval: a single run has neither an interval nor a test." if "no interval" in verdicts else ""
    undefined = f" {UNDEFINED}: the random architectures' mean is 0, so nothing is relative to it."
    return single + (undefined if UNDEFINED in verdicts else "")


def holm_corrected(family: pd.DataFrame) -> str:
    """What is corrected over the rows that have a test, and how its interval belongs to it."""
    return (
        f"corrected over {family['p'].notna().sum()} tests by Holm's procedure, at {ALPHA}: the interval has the level"
        " at which Holm tests its row, so it excludes 0 exactly where the verdict is better or worse"
    )


def undecidable(family: pd.DataFrame) -> str:
    """The sentence on rows that no data could make significant, where there are any."""
    some = (family["p"].notna() & family["holm_low"].isna()).any()
    reason = " A verdict without an interval: so few runs and architectures can be rearranged in too few ways to be"
    return f"{reason} significant after this correction, whatever their accuracies." if some else ""


def verdict(row: Any) -> str:
    """What Holm's procedure says of a row, its corrected p, and the interval of the same level."""
    corrected = "" if pd.isna(row.p_holm) else f" ({probability(row.p_holm)})"
    return f"{row.verdict}{corrected}\n{interval(row.holm_low, row.holm_high, sign=True)}".strip()


def significant(verdicts: Iterable[str], *columns: int) -> frozenset[tuple[int, int]]:
    """The cells in these columns of the rows that are better or worse: what is set bold."""
    return frozenset((i, j) for i, said in enumerate(verdicts) if said in SIGNIFICANT for j in columns)

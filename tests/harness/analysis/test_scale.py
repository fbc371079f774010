"""What tables of many runs cost: no more than in proportion to the runs; and 100,000 records in minutes."""

import cProfile
import pstats
import sys
from pathlib import Path

import pytest

from harness import records
from harness.analysis.analysis import Analysis
from harness.analysis.results import read_results
from tests.copied_records import copied
from tests.costs import cost

SNAPSHOT = Path(__file__).parents[3] / "results/published/tables-2026-11-30/records"
FRAMES = ("anytime", "costs", "courses", "front_points", "fronts", "run_times", "variance")
"""Of the analysis: the others are tests, whose calls do not depend on the number of runs."""
MINUTES, GIGABYTES = 3, 2
"""The goal, which eleven methods on a table of all architectures meet."""


def calls(folder: Path, times: int) -> int:
    """Function calls from records to data frames: their number does not depend on the machine's load."""
    one_of_each = map(records.read, sorted(SNAPSHOT.glob("*/*-0.json")) + sorted(SNAPSHOT.glob("*/*-0-*.json")))
    found = copied(one_of_each, folder / str(times), times=times)
    with cProfile.Profile() as profile:
        analysis = Analysis(read_results(found))
        for name in FRAMES:
            getattr(analysis, name)
    return pstats.Stats(profile).total_calls


def test_the_calls_grow_in_proportion_to_the_runs(tmp_path):
    calls(tmp_path, 2)  # imports what is imported when it is first used
    few, more, most = (calls(tmp_path, times) for times in (10, 20, 40))
    assert most - more < 2.5 * (more - few)  # 2 in proportion, 4 if quadratic


@pytest.mark.slow
def test_tables_of_100_000_records_take_minutes_and_less_than_two_gigabytes(tmp_path):
    found = copied(map(records.read, records.below(SNAPSHOT)), tmp_path / "records", datasets=3, times=7)
    assert len(found) > 100_000
    command = [sys.executable, "-m", "harness", "tables", "--records", tmp_path / "records", "--out", tmp_path / "out"]
    seconds, megabytes = cost(command)
    assert seconds < 60 * MINUTES
    assert megabytes < 1000 * GIGABYTES

"""The clock counts the attempts that were cut off, and says when and where a job ran."""

import re

from harness.records import machine
from harness.running.clock import Clock


def test_a_resumed_job_counts_its_earlier_attempts():
    clock = Clock()
    clock.load_state_dict({"seconds": 100.0})
    assert 100 <= clock.seconds() < 160
    assert clock.state_dict()["seconds"] >= 100


def test_what_is_measured():
    measured = Clock().measured()
    assert {*measured} == {"seconds", "cpu_seconds", "peak_megabytes", "date", "host", "machine"}
    assert 0 <= measured["seconds"] < 60
    assert 10 < measured["peak_megabytes"] < 100_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", measured["date"])
    assert measured["machine"] == machine()
    assert re.fullmatch(r".+, \d+ cores", machine())

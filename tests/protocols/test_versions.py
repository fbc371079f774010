"""Versions of protocols: what can be compared, and what is refused."""

from dataclasses import replace

import pytest

from harness.plan import registry
from protocols import laptop
from protocols.base import Version
from spaces.base import UserError


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("laptop-2.4", Version("laptop", 2, 4)),
        ("darts_search-10.0", Version("darts_search", 10, 0)),
        ("laptop-2", Version("laptop", 2)),  # in records before the rule
    ],
)
def test_versions_are_read(text, version):
    assert Version.parse(text) == version


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("laptop-2.0", "laptop-2.4", True),
        ("laptop-2", "laptop-2.4", True),
        ("laptop-2.4", "laptop-3.4", False),
        ("laptop-2.0", "paper-2.0", False),
        ("laptop-1", "laptop-10", False),
    ],
)
def test_the_same_major_is_comparable(one, other, same):
    one, other = map(Version.parse, (one, other))
    assert one.comparable(other) is other.comparable(one) is same


MALFORMED = ["", "laptop", "2.4", "-2.4", "laptop-v2", "laptop 2.4", "laptop-2.", "laptop-2.4.1", "laptop-02.1"]


@pytest.mark.parametrize("text", [*MALFORMED, "laptop-2.4\n"])
def test_malformed_versions_are_refused(text):
    with pytest.raises(UserError, match="name-MAJOR.MINOR") as caught:
        replace(laptop.PROTOCOL, version=text)
    assert len(str(caught.value).splitlines()) == 1


def test_a_protocol_needs_a_minor():
    with pytest.raises(UserError, match="'laptop-2' of a protocol has no MINOR: write laptop-2.0"):
        replace(laptop.PROTOCOL, version="laptop-2")


def test_a_protocol_has_its_own_name(monkeypatch):
    """One that was copied must not pass as comparable with what it was copied from."""
    monkeypatch.setattr(laptop, "PROTOCOL", replace(laptop.PROTOCOL, version="smoke-1.4"))
    with pytest.raises(UserError, match="protocol laptop calls itself smoke-1.4"):
        registry.protocol("laptop")

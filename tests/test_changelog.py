"""CHANGELOG.md and the protocols' versions agree: each change of numbers is a version, each version a change."""

import re

import pytest

from harness.plan import registry
from protocols.base import Version
from spaces.base import UserError

TEXT = (registry.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
ENDING = re.compile(r"Numbers: (?:(unchanged)|(first|rounding|move) \(([^()]+)\))\.")


def entries(text):
    """Of each entry, oldest first: what it does to numbers, and the new versions."""
    bullets = [" ".join(bullet.split()) for bullet in re.split(r"^- ", text, flags=re.MULTILINE)[1:]]
    bullets = [re.sub(r" #+ [\w. ()-]+$", "", bullet) for bullet in bullets]  # the next heading
    for bullet in reversed(bullets):
        said = ENDING.findall(bullet)
        assert len(said) == 1 and bullet.endswith("."), f"an entry ends with one sentence on numbers: {bullet}"
        assert ENDING.search(bullet).end() == len(bullet), f"the sentence on numbers ends an entry: {bullet}"
        unchanged, kind, versions = said[0]
        yield unchanged or kind, [Version.parse(version) for version in versions.split(", ") if version]


def newest(text):
    """The newest version of each protocol; AssertionError where one does not follow from the one before."""
    versions = {}
    for kind, named in entries(text):
        assert len({version.name for version in named}) == len(named)
        for version in named:
            before = versions.get(version.name)
            assert (before is None) == (kind == "first"), f"{version}: {kind}"
            follows = {
                "first": lambda before: (1, 0),
                "rounding": lambda before: (before.major, before.minor + 1),
                "move": lambda before: (before.major + 1, 0),
            }[kind](before)
            assert (version.major, version.minor) == follows, f"{kind} from {before} to {version}"
            versions[version.name] = version
    return versions


def test_the_newest_versions_are_those_of_the_protocols():
    assert newest(TEXT) == {
        name: Version.parse(registry.protocol(name).version) for name in registry.names("protocols")
    }


def test_dates_are_in_order():
    dates = re.findall(r"^### (\d{4}-\d\d-\d\d)$", TEXT, re.MULTILINE)
    assert dates == sorted(dates, reverse=True) and len(set(dates)) == len(dates) >= 2


GOOD = "- C. Numbers: move (a-2.0).\n- B. Numbers: rounding (a-1.1).\n\n### 2026-01-01\n- A. Numbers: first (a-1.0).\n"


def test_a_good_changelog_is_read():
    assert newest(GOOD) == {"a": Version("a", 2, 0)}
    assert [kind for kind, _ in entries(GOOD)] == ["first", "rounding", "move"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a-2.0", "a-1.2"),  # a move needs a new MAJOR
        ("a-2.0", "a-2.1"),
        ("a-1.1", "a-2.0"),  # rounding does not
        ("a-1.1", "a-1.2"),  # none is left out
        ("Numbers: rounding (a-1.1).", ""),
        ("first (a-1.0)", "unchanged"),
        ("first", "move"),
        ("B. Numbers: rounding (a-1.1).", "Numbers: rounding (a-1.1). B."),
        ("a-1.1", "a"),
    ],
)
def test_a_changelog_that_contradicts_itself_is_found(old, new):
    text = GOOD.replace(old, new)
    assert text != GOOD
    with pytest.raises((AssertionError, UserError)):
        newest(text)

"""A thousand configurations, most with something wrong: refused in one line, or taken as they stand."""

import copy
import random

import pytest
import yaml

from harness.plan import config, registry
from spaces.base import UserError

JUNK = [None, -1, 0, 10**9, 2.5, -0.0, float("nan"), True, "", "x", "seeds", "ü" * 300, "../../etc/passwd"]
JUNK += ["$(touch x)", "folder:", "folder:/nowhere", "1e400", [], {}, [[]], [None], {"x": 1}, {"method": "darts"}]
SCRIBBLES = ["", "\t", ":", "{", "\x00", "é", "&a *a", "\n", "!!python/x "]
SHIPPED = {path.name: path.read_text() for path in sorted((registry.ROOT / "config").glob("*.yaml"))}
ROUNDS = 1000


def places(tree, path=()):
    """Paths of all values in a nested structure."""
    if path:
        yield path
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def mutate(tree, rng):
    """A copy with a key or value deleted, renamed, doubled or replaced by junk."""
    tree = copy.deepcopy(tree)
    *way, key = rng.choice(list(places(tree)))
    owner = tree
    for step in way:
        owner = owner[step]
    what = rng.choice(["delete", "rename", "junk", "junk", "double"])
    if what == "junk":
        owner[key] = copy.deepcopy(rng.choice(JUNK))
    elif isinstance(owner, list):
        owner.append(copy.deepcopy(owner[key])) if what == "double" else owner.pop(key)
    elif what == "rename":
        at = rng.randrange(len(key))
        owner[key[:at] + rng.choice("abz_ -") + key[at + 1 :]] = owner.pop(key)
    else:
        del owner[key]
    return tree


def scribble(text, rng):
    """A copy of the text with a few characters deleted, doubled or replaced."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(text))
        text = (
            text[:at]
            + rng.choice(["", text[at] * 2, "\t", ":", "{", "\x00", "é", "&a *a", "\n", "!!python/x "])
            + text[at + 1 :]
        )
    return text


def load(path):
    """The configuration, or None where it was refused as it should be."""
    try:
        return config.load(path)
    except UserError as error:
        assert str(error).startswith(str(path)), error
        assert "\n" not in str(error), error
        assert len(str(error)) < 2000, error
        return None


def test_nothing_crashes_and_nothing_is_ignored(tmp_path):
    rng, path, taken = random.Random(0), tmp_path / "c.yaml", 0
    for i in range(ROUNDS):
        text = SHIPPED[rng.choice(sorted(SHIPPED))]
        if i % 3 == 0:
            path.write_text(scribble(text, rng), encoding="utf-8")
            load(path)
            continue
        tree = mutate(yaml.safe_load(text), rng)
        path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
        if found := load(path):
            taken += 1
            assert found.model_dump(exclude_unset=True) == tree
    assert 20 < taken < ROUNDS / 3


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"42", b"- a\n- b", b"null", b"{", b"a: &x [*x]"])
def test_what_is_no_configuration_at_all(tmp_path, content):
    (tmp_path / "c.yaml").write_bytes(content)
    assert load(tmp_path / "c.yaml") is None

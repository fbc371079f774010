"""`spaces.network`: from the text of an architecture to its network, without the command line."""

import random
from typing import Any

import pytest
import torch

import spaces
from harness.plan import registry
from tests.pages import fences, section
from tests.pages import text as text_of

SIZE = {"channels": 4, "cells": 3, "classes": 5, "image": 32}


def text(name: str) -> str:
    found = spaces.space(name)
    return found.text(found.sample(random.Random(0)))


def test_names_are_the_entries():
    assert spaces.names() == registry.names("spaces")
    assert set(spaces.__all__) <= set(dir(spaces))


@pytest.mark.parametrize("name", spaces.names())
def test_a_text_becomes_its_definition(name: str):
    network = spaces.network(name, text(name), **SIZE)
    logits, auxiliary = network.eval()(torch.zeros(2, 3, 32, 32))
    assert logits.shape == (2, 5)
    assert auxiliary is None
    assert not [part for part in network.modules() if type(part).__name__.startswith("Fast")]


def test_what_is_not_given_is_as_published():
    with torch.device("meta"):
        network = spaces.network("enas", text("enas"), reading={"macro": "enas"})
    assert (len(network.cells), network.classifier.out_features) == (22, 10)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "dart"}, "unknown space 'dart': did you mean darts"),
        ({"reading": {"makro": "enas"}}, "unknown field of space enas 'makro': did you mean macro"),
        ({"reading": {"macro": "x"}}, "unknown macro 'x'"),
        ({"chanels": 4}, "unknown field of a size 'chanels': did you mean channels"),
        ({"channels": 0}, "channels is 0"),
        ({"stem": "imagnet"}, "unknown stem 'imagnet': did you mean imagenet"),
        ({"arch": "0 2 0"}, "an enas arc has 40 numbers"),
        ({"arch": "{"}, "genotype"),
    ],
)
def test_mistakes_are_one_clear_line(changes: dict[str, Any], words: str):
    given: dict[str, Any] = {"name": "enas", "arch": text("enas"), **SIZE, **changes}
    with pytest.raises(spaces.UserError, match=words) as error:
        spaces.network(given.pop("name"), given.pop("arch"), **given)
    assert "\n" not in str(error.value)


def test_the_lines_of_the_documentation_run():
    (fence,) = fences(section(text_of("docs/extending.md"), "A network in your own code"))
    names: dict[str, Any] = {}
    exec(fence.code, names)
    assert names["logits"].shape == (2, 10)

"""Variants of a protocol's setting: dotted paths, values and factors; what cannot be is refused in one line."""

from dataclasses import asdict, replace

import pytest

from harness.plan import registry
from protocols.base import Recipe, Setting, Tricks, described
from protocols.parts.variants import changes, check_installed, said, varied
from spaces.base import UserError

LAPTOP = registry.protocol("laptop").default
LOOKUP = registry.protocol("lookup").default


def test_a_variant_changes_what_it_names_and_nothing_else():
    made = changes(LAPTOP, {"recipe.epochs": 30, "tricks.cutout": 0, "cells": 20})
    expected = replace(
        LAPTOP,
        cells=20,
        recipe=replace(LAPTOP.recipe, epochs=30),
        tricks=replace(LAPTOP.tricks, cutout=0),
    )
    assert varied(LAPTOP, made) == expected
    assert said(made) == "cells=20,recipe.epochs=30,tricks.cutout=0"


def test_a_number_is_a_value_and_a_text_with_x_is_a_factor():
    assert dict(changes(LAPTOP, {"width": 1.4})) == {"width": 1.4}
    assert dict(changes(LAPTOP, {"width": "x1.4"})) == {"width": pytest.approx(1.4 / 6)}
    assert changes(LAPTOP, {"recipe.epochs": "x2.5"}) == changes(LAPTOP, {"recipe.epochs": 30})
    assert changes(LAPTOP, {"recipe.weight_decay": "x1e-1"}) == (("recipe.weight_decay", pytest.approx(3e-5)),)


def test_what_changes_nothing_is_no_change():
    assert changes(LAPTOP, {"cells": LAPTOP.cells, "recipe.lr": 0.03, "width": "x1"}) == ()
    assert varied(LAPTOP, ()) is LAPTOP


def test_a_whole_number_stands_for_a_fraction_and_not_the_other_way_round():
    assert changes(LAPTOP, {"tricks.auxiliary": 0}) == (("tricks.auxiliary", 0.0),)
    assert changes(LAPTOP, {"cells": 6.0}) == (("cells", 6),)


BAD = {
    "unknown": ({"tricks.cutuot": 0}, "did you mean tricks.cutout"),
    "a group": ({"recipe": 3}, "unknown path 'recipe'"),
    "of searches": ({"budget.epochs": 3}, "budget.epochs changes the search"),
    "width of searches": ({"search_width": 0.5}, "changes the search"),
    "fraction": ({"cells": 2.5}, "cells must be a whole number or a factor such as x2, got 2.5"),
    "text": ({"recipe.lr": "fast"}, "recipe.lr must be a number or a factor"),
    "truth": ({"image": True}, "image must be a whole number"),
    "number for truth": ({"tricks.flip": 1}, "tricks.flip must be true or false, got 1"),
    "not finite": ({"width": float("inf")}, "width must be a number"),
    "zero": ({"width": 0}, "Setting.width must be above 0"),
    "no cells": ({"cells": 0}, "Setting.cells must be at least 1"),
    "no epochs": ({"recipe.epochs": "x0.01"}, "Recipe.epochs must be at least 1"),
    "more than all": ({"samples": 2}, "Setting.samples must be above 0 and at most 1"),
    "certain drop": ({"tricks.drop_path": 1}, "Tricks.drop_path must be at least 0 and below 1"),
    "negative": ({"tricks.cutout": -1}, "Tricks.cutout must be at least 0"),
    "policy": ({"tricks.auto_augment": "mnist"}, "Tricks.auto_augment must be one of"),
    "optimizer": ({"recipe.optimizer": "lamb"}, "Recipe.optimizer must be one of sgd, adam"),
}


@pytest.mark.parametrize("asked, message", BAD.values(), ids=BAD.keys())
def test_impossible_changes_are_refused_in_one_line(asked, message):
    with pytest.raises(UserError) as caught:
        changes(LAPTOP, asked)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_lookup_has_its_own_paths():
    assert varied(LOOKUP, changes(LOOKUP, {"recipe.epochs": 12, "recipe.judged": "one"})).recipe.epochs == 12
    with pytest.raises(UserError, match="unknown path 'recipe.lr'"):
        changes(LOOKUP, {"recipe.lr": 0.1})


def test_fields_that_came_later_leave_old_records_valid():
    """What records hold of a setting is what they held before the fields were there, unless one is used."""
    was = asdict(LAPTOP)
    del was["samples"], was["tricks"]["auto_augment"]
    assert described(LAPTOP) == was
    assert described(replace(LAPTOP, samples=0.5))["samples"] == 0.5
    assert "epochs" not in described(LOOKUP)["recipe"]
    assert described(LAPTOP)["recipe"]["epochs"] == 12  # a field that was always there stays at any value


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr("protocols.parts.variants.find_spec", lambda name: None)
    check_installed(LAPTOP)
    with pytest.raises(UserError, match="needs torchvision: pip install torchvision"):
        check_installed(varied(LAPTOP, changes(LAPTOP, {"tricks.auto_augment": "cifar10"})))


def test_a_setting_refuses_what_cannot_be():
    with pytest.raises(UserError, match="Setting.stem must be one of"):
        replace(LAPTOP, stem="vit")
    assert isinstance(LAPTOP, Setting) and isinstance(LAPTOP.recipe, Recipe) and isinstance(LAPTOP.tricks, Tricks)

"""Searches by evaluations and by shared weights see the same number of images, by construction."""

import pytest

from harness.plan import registry

METHODS = {"laptop": "enas", "laptop_long": "enas", "gpu": "enas", "paper": "darts", "smoke": "darts"}


@pytest.mark.parametrize(("protocol", "method"), METHODS.items())
def test_evaluations_see_as_many_images_as_a_search_by_shared_weights(protocol, method):
    """An epoch of shared weights is a pass over each half of the training data; halves are of one size."""
    found = registry.protocol(protocol)
    for setting in (found.default, *found.settings.values()):
        budget = setting.budget.of(method)
        assert budget.evaluations * budget.evaluation_epochs == 2 * budget.epochs

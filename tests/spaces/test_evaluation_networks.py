"""The evaluation network of a cell space equals its naive form: logits and every gradient."""

import random

import pytest
import torch
from torch.nn.functional import cross_entropy

from spaces.base import Size
from spaces.darts.space import Darts
from spaces.enas.space import Enas
from tests.reference.cells import naive


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@pytest.mark.parametrize("space", [Darts(), Enas()], ids=["darts", "enas"])
def test_equals_the_naive_form(space, dtype, tolerance):
    size = Size(4, 4, 5, 8, 3, "cifar", auxiliary=True)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8, 3, 8, 8, generator=generator, dtype=dtype)
    labels = torch.randint(5, (8,), generator=generator)
    for seed in range(2):
        design = space.decode(space.sample(random.Random(seed)))
        network = space.network(design, size).to(dtype)
        results = []
        for form in (network, naive(network, design, size)):
            logits, extra = form(x)
            loss = cross_entropy(logits, labels) + 0.4 * cross_entropy(extra, labels)
            results.append([logits, extra, *torch.autograd.grad(loss, list(form.parameters()))])
        for mine, theirs in zip(*results, strict=True):
            torch.testing.assert_close(mine, theirs.view_as(mine), rtol=tolerance, atol=tolerance)

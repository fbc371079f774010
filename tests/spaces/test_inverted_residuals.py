"""Inverted residuals against their plain forms: results and gradients, also where only some gradients are needed."""

from __future__ import annotations

import pytest
import torch

from spaces.parts.cpu.inverted_residuals import ExpandDepthwise, Project, Section
from spaces.parts.cpu.kernels import usable
from spaces.parts.cpu.layout import as_maps, as_memory

pytestmark = pytest.mark.skipif(not usable(torch.ones(1)), reason="no C compiler")


def random(*shape, wanted=True):
    return torch.randn(shape, dtype=torch.float64).requires_grad_(wanted)


def difference(function, arguments):
    """The largest difference of results and gradients between a function and its plain form."""
    wanted, results = [t for t in arguments if torch.is_tensor(t) and t.requires_grad], []
    torch.manual_seed(1)
    for y in (function.apply(*arguments), function.plain(*arguments)):
        loss = y.mul(torch.randn(y.shape[1:]).double()).square().sum()
        results.append([y.detach(), *torch.autograd.grad(loss, wanted)])
        torch.manual_seed(1)
    return max(float((a - b).abs().max() / b.abs().max().clamp_min(1.0)) for a, b in zip(*results))


SECTIONS = {
    "x": ([Section(6, 3, False)], 0),
    "expanded": ([Section(10, 5, True)], 10),
    "all": (
        [
            Section(6, 3, False),
            Section(5, 3, True),
            Section(12, 5, False, torch.arange(12).flip(0) % 6),
            Section(7, 5, True),
        ],
        12,
    ),
    "shuffled": ([Section(4, 3, True, torch.tensor([2, 0, 3, 1])), Section(3, 5, True)], 7),
}


@pytest.mark.parametrize("name", SECTIONS)
@pytest.mark.parametrize("side", [(9, 5), (2, 1), (4, 4)])
@pytest.mark.parametrize(("images", "stride"), [(1, 1), (3, 2), (2, 1), (17, 2)])
@pytest.mark.parametrize("trained", [False, True])
def test_expand_depthwise(name, side, images, stride, trained):
    torch.manual_seed(0)
    sections, expanded = SECTIONS[name]
    if images * (-(-side[0] // stride)) * (-(-side[1] // stride)) < 4:
        images *= 4
    channels, taps = sum(s.channels for s in sections), sum(s.channels * s.side**2 for s in sections)
    expansion = [random(expanded, 6, 1, 1), random(expanded), random(expanded)] if expanded else [None] * 3
    arguments = [random(images, 6, *side), *expansion, random(taps), random(channels), random(channels)]
    for weights in arguments[1:]:
        if weights is not None:
            weights.requires_grad_(trained)
    assert difference(ExpandDepthwise, [*arguments, sections, stride]) <= 1e-9


@pytest.mark.parametrize(("sizes", "mixed"), [([(1, 5, 7)], False), ([(1, 6, 4), (2, 3, 5), (3, 2, 1)], True)])
@pytest.mark.parametrize("images", [1, 3, 17])
@pytest.mark.parametrize("trained", [False, True])
def test_project(sizes, mixed, images, trained):
    torch.manual_seed(0)
    inputs, outputs = (sum(groups * size[i] for groups, *size in sizes) for i in (1, 0))
    weights = random(sum(a * b * c for a, b, c in sizes), wanted=trained)
    affine = random(outputs, wanted=trained), random(outputs, wanted=trained)
    mix = random(len(sizes)) if mixed else None
    assert difference(Project, [random(images, inputs, 5, 3), mix, weights, *affine, sizes]) <= 1e-9


def test_parts_of_weights():
    """Gradients of weights that are views of a part of others."""
    torch.manual_seed(0)
    whole = random(5, 9, 1, 1)
    arguments = [random(3, 4, 5, 3), None, whole[:, :4], random(5), random(5), [(1, 5, 4)]]
    y = Project.apply(*arguments), Project.plain(*arguments)
    found, expected = (torch.autograd.grad(each.square().cos().sum(), whole)[0] for each in y)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


def test_memory():
    x = torch.randn(3, 2, 4, 5)
    assert as_memory(x).is_contiguous() and torch.equal(as_maps(as_memory(x)), x)

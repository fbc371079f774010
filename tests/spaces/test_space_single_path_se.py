"""Squeeze-and-excitation in Single-Path's blocks and costs; test_space_single_path.py tests its superkernels."""

import pytest
import torch
from torch.nn import functional as F

from spaces.single_path.space import SinglePath
from spaces.single_path.thresholds import runtime
from spaces.single_path_se.space import SinglePathSe
from tests.spaces.test_space_single_path import GATES, SPACE, constant_gates, counted


def test_runtime_of_squeeze_and_excitation():
    """Where it costs the same with both kernel sizes, the cost of every block except 3x3-3 is exact."""
    corners = torch.tensor([4.0, 7.5, 5.0, 9.0, 4.5, 8.5, 5.5, 10.0], dtype=torch.float64)
    for i, option in enumerate(SinglePath.options[1:4], start=1):
        for excited in (0, 1):
            cost = runtime(constant_gates(*GATES[option], excited), corners)
            assert float(cost) == pytest.approx(corners[i + 4 * excited].item(), abs=1e-12)
    assert float(runtime(constant_gates(1, 0, 1, 1), corners)) == 0


def test_blocks_with_squeeze_and_excitation():
    """It is behind the depthwise convolution and has a quarter of the inputs' width; blocks without it are those of
    single_path."""
    space, size = SinglePathSe(), SinglePath.published
    plain = ("5x5-6",) * 20
    assert counted(space, plain, size) == counted(SPACE, plain, size)
    shape = space.layer_shapes(size)[5]
    assert (shape.inputs, space.decode(space.parse(",".join(["3x3-6-se"] * 20)))[5]) == (40, "3x3-6-se")
    with_se = counted(space, (*plain[:5], "5x5-6-se", *plain[6:]), size)
    parameters, macs = (a - b for a, b in zip(with_se, counted(space, plain, size)))
    assert (parameters, macs) == (2 * 240 * 10 + 240 + 10, 2 * 240 * 10)
    block = space.block("3x3-3-se", shape).eval()
    x = torch.randn(2, 40, 8, 8)
    hidden = block.depthwise(block.expand(x))
    squeeze, excite = block.excitation.squeeze, block.excitation.excite
    factor = torch.sigmoid(excite(F.relu(squeeze(hidden.mean((2, 3))))))
    torch.testing.assert_close(block(x), x + block.project(hidden * factor[:, :, None, None]))

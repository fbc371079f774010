"""The Single-Path space against the published networks; superkernels against the public code's numbers."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from spaces.base import Size, UserError
from spaces.parts.cpu.fuse import fuse, unfuse
from spaces.single_path.space import SinglePath
from spaces.single_path.thresholds import Gates, gates, indicator, mask, mixture, part_norms, runtime
from spaces.single_path_se.space import SinglePathSe
from tests.reference.forms import worst
from tests.reference.single_path import masked, searched

GOLDEN = {
    name: fact["value"]
    for name, fact in json.loads((Path(__file__).parents[1] / "golden" / "layerwise.json").read_text()).items()
}
CASES = GOLDEN["singlepath.superkernel_numerics"]
LUT = GOLDEN["singlepath.runtime_lut_ms"]["lut"]
SPACE = SinglePath()
TINY = Size(channels=4, cells=0, classes=5, image=8)


def counted(space, design, size):
    """[parameters, multiply-adds] of a network, the latter by torch's own counter."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.no_grad():
        network = space.network(design, size).eval()
        network(torch.empty(1, size.inputs, size.image, size.image))
    return [sum(p.numel() for p in network.parameters()), counter.get_total_flops() / 2]


def test_published_networks():
    facts = GOLDEN["singlepath.published_params_macs"]
    expected = [
        (SinglePath().read(",".join(GOLDEN["singlepath.published_arch"]["layers_20"])), facts),
        (("3x3-3",) * 20, GOLDEN["singlepath.uniform_k3_e3"]),
        (("3x3-6",) * 20, GOLDEN["singlepath.uniform_k3_e6"]),
    ]
    for design, numbers in expected:
        assert counted(SPACE, design, SinglePath.published) == [numbers["params"], numbers["macs_224"]]


@pytest.mark.parametrize("size", [SinglePath.published, Size(8, 0, 10, 16, inputs=1)])
@pytest.mark.parametrize("space", [SinglePath(), SinglePathSe()], ids=["plain", "se"])
def test_costs_add_up(space, size):
    rng = random.Random(0)
    archs = [space.sample(rng) for _ in range(2)]
    expected = [counted(space, space.decode(arch), size) for arch in archs]
    for i, metric in enumerate(("parameters", "macs")):
        constant, table = space.costs(size, metric)
        for arch, numbers in zip(archs, expected):
            assert constant + sum(row[option] for row, option in zip(table, arch)) == numbers[i]


def test_texts():
    space = SinglePath()
    arch = space.sample(random.Random(1))
    assert space.parse(space.text(arch)) == arch == space.parse(json.dumps(space.decode(arch)))
    with pytest.raises(UserError, match="layer 5: 'skip' is not allowed in the first layer of a stage"):
        space.parse(",".join(["3x3-3", "skip", "skip", "skip"] * 1 + ["skip"] * 16))
    with pytest.raises(UserError, match="layer 20: unknown block '3x3-4'; did you mean 3x3-"):
        space.parse("3x3-3," * 19 + "3x3-4")


def superkernel(case):
    with np.load(Path(__file__).parents[1] / "golden" / "layerwise.npz", allow_pickle=False) as arrays:
        kernel = torch.tensor(arrays["kernel"]).permute(2, 3, 0, 1).contiguous().requires_grad_()
        x, cotangent = (torch.tensor(arrays[name]).permute(0, 3, 1, 2) for name in ("x", "cotangent"))
    thresholds = torch.tensor([case["t5x5"], case["t50c"], case["t100c"]], requires_grad=True)
    return kernel, thresholds, x, cotangent


def left(kernel, weights):
    """A kernel under the masks of some weights."""
    return (kernel.unflatten(0, (2, -1)) * mask(weights).view(2, 1, 1, 5, 5)).flatten(0, 1)


@pytest.mark.parametrize("case", CASES)
def test_superkernel_numerics(case):
    kernel, thresholds, x, cotangent = superkernel(case)
    options = len(case["runtimes"])
    decided = gates(part_norms(kernel), thresholds, options == 5)
    kept = left(kernel, mixture(decided)[:4])
    y = F.conv2d(x, kept, None, case["stride"], 2, groups=6)
    cost = runtime(decided, torch.tensor(case["runtimes"][:4]))
    loss = (y * cotangent).sum() if case["stride"] == 1 else y.sum()

    def close(value, name):
        assert float(value.detach()) == pytest.approx(case[name], rel=1e-5, abs=1e-5), name

    for value, name in [
        (decided.ring, "d5x5"),
        (decided.first, "d50c"),
        (decided.second, "d100c"),
        (cost, "runtime"),
        (kept.abs().sum(), "kernel_masked_abs_sum"),
        (kept.count_nonzero(), "kernel_masked_nonzero"),
        (y.sum(), "y_sum"),
        (y.abs().sum(), "y_abs_sum"),
    ]:
        close(value, name)
    for value, what in ((loss, "loss"), (cost, "runtime")):
        of_thresholds, of_kernel = torch.autograd.grad(value, [thresholds, kernel], retain_graph=True)
        for gradient, name in zip(of_thresholds, ("t5x5", "t50c", "t100c")):
            close(gradient, f"grad_{what}_{name}")
        close(of_kernel.norm(), f"grad_{what}_kernel_norm")


def constant_gates(*decisions):
    return Gates(*(torch.tensor(float(gate), dtype=torch.float64) for gate in decisions))


GATES = {"3x3-3": (0, 1, 0), "3x3-6": (0, 1, 1), "5x5-3": (1, 1, 0), "5x5-6": (1, 1, 1), "skip": (1, 0, 1)}


def test_decoding_of_all_gates():
    for ring, first, second in itertools.product((0, 1), repeat=3):
        expected = f"{'5x5' if ring else '3x3'}-{6 if second else 3}" if first else "skip"
        weights = mixture(constant_gates(ring, first, second))
        assert SinglePath.options[int(weights.argmax())] == expected
        assert sorted(weights.tolist()) == [0, 0, 0, 0, 1]
        for excited in (0, 1):
            weights = mixture(constant_gates(ring, first, second, excited))
            assert SinglePathSe.options[int(weights.argmax())] == expected + "-se" * (excited and first)
            assert sorted(weights.tolist()) == [0] * 8 + [1]
    supernet = SinglePath().supernet(TINY)
    for arch in (SinglePath().sample(random.Random(seed)) for seed in range(3)):
        rows = torch.tensor([GATES[name] for name in SinglePath().decode(arch)], dtype=torch.float64)
        assert supernet.derive(supernet.mixture(Gates(*rows.unbind(1)))) == arch


def test_runtime_recovers_the_table():
    table = torch.tensor(LUT[1:21], dtype=torch.float64)
    for option, corners in zip(SinglePath.options[1:4], table.unbind(1)[1:]):
        torch.testing.assert_close(runtime(constant_gates(*GATES[option]), table), corners, rtol=0, atol=1e-12)
    predicted = GOLDEN["singlepath.runtime_predicted_ms"]
    rows = [GATES[name] for name in GOLDEN["singlepath.published_arch"]["layers_20"]]
    per_layer = runtime(Gates(*torch.tensor(rows, dtype=torch.float64).unbind(1)), table).tolist()
    assert per_layer == pytest.approx(predicted["published"]["per_layer"], abs=1e-9)
    assert sum(per_layer) + GOLDEN["singlepath.runtime_lut_ms"]["constant"] == pytest.approx(
        predicted["published"]["total"], abs=1e-9
    )


def test_norms_and_gates_are_the_definition():
    """For other shapes than those of the published numbers: norms of each half of the masked kernel, many layers."""
    generator = torch.Generator().manual_seed(0)
    for channels in (2, 6, 18, 40):
        kernel = torch.randn(channels, 1, 5, 5, generator=generator).double()
        ring = kernel.clone()
        ring[:, :, 1:4, 1:4] = 0
        for side, keep in (("3x3", kernel - ring), ("5x5", kernel)):
            halves = [half.norm() for half in keep.chunk(2)]
            for factor in itertools.product((0.999, 1.001), repeat=2):
                bounds = [h * f for h, f in zip(halves, factor)]
                t = torch.stack([ring.norm() * (1.001 if side == "3x3" else 0.999), *bounds])
                decided = gates(part_norms(kernel), t, True)
                assert [float(gate) for gate in decided[:3]] == [side == "5x5", factor[0] < 1, factor[1] < 1]
    x = torch.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    assert indicator(x).tolist() == [0, 1, 1]
    slope = torch.autograd.grad(indicator(x).sum(), x)[0]
    torch.testing.assert_close(slope, torch.sigmoid(x) * (1 - torch.sigmoid(x)))


SPACES = pytest.mark.parametrize("space", [SinglePath(), SinglePathSe()], ids=["plain", "se"])


def supernet_case(space, dtype):
    torch.manual_seed(0)
    supernet = space.supernet(TINY).to(dtype)
    for weight in supernet.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    mix = [torch.rand(options, dtype=dtype).requires_grad_() for options in supernet.shape]
    return supernet, torch.randn(6, 3, 8, 8, dtype=dtype), mix


@SPACES
def test_search_step_is_that_of_decisions_part_by_part(space):
    """With thresholds between the norms, so that some parts are on and some off: gradients of thresholds and
    weights."""
    supernet, x, _ = supernet_case(space, torch.float64)
    norms = [layer.depthwise.weight.norm() for layer in supernet.layers]
    thresholds = torch.stack([norm * torch.tensor([0.8, 0.7, 0.7, 0.7])[: supernet.decisions] for norm in norms])
    thresholds = (thresholds + 0.02 * torch.randn(thresholds.shape)).detach().double().requires_grad_()
    decided = supernet.gates(thresholds)
    assert all(0 < gate.mean() < 1 for gate in decided[:1] + decided[2:] if gate is not None)
    inputs, results = [*supernet.parameters(), thresholds], []
    for y in (supernet(x, supernet.mixture(decided)), searched(supernet, x, thresholds)):
        results.append([y.detach(), *torch.autograd.grad(y.logsumexp(1).sum(), inputs)])
    assert worst(*results) <= 1e-9


@SPACES
def test_a_layer_is_a_block_with_a_masked_kernel(space):
    """The block of the largest option, whose kernel is the sum of the parts that the options keep."""
    supernet, _, mix = supernet_case(space, torch.float64)
    layer, weights, shape = supernet.layers[5], mix[5].detach(), space.layer_shapes(TINY)[5]
    block = layer.inherit(space.block("5x5-6", shape))
    block.depthwise[0].weight.data = masked(layer.depthwise.weight, weights[:4])
    x = torch.randn(6, shape.inputs, 8, 8, dtype=torch.float64)
    if isinstance(space, SinglePathSe):
        weights[4:8] = 0.0
    torch.testing.assert_close(layer(x, weights), block(x), rtol=1e-9, atol=1e-9)


@SPACES
@pytest.mark.parametrize("form", [unfuse, fuse], ids=["definition", "fused"])
def test_paths_and_inheritance(space, form):
    supernet, x, _ = supernet_case(space, torch.float64)
    form(supernet)
    rng = random.Random(0)
    for _ in range(2):
        arch = space.sample(rng)
        path = supernet.path(arch)
        assert supernet.derive(path) == arch
        state = torch.get_rng_state()
        plain = supernet.inherit(arch)
        assert torch.equal(state, torch.get_rng_state())
        whole = supernet(x, [weights.clone().requires_grad_() for weights in path])
        for other in (plain(x), whole):
            assert torch.allclose(supernet(x, path), other, rtol=0, atol=1e-9)


def test_mask_is_linear_in_products_of_gates():
    kernel = torch.randn(12, 1, 5, 5, dtype=torch.float64)
    for weights in torch.rand(4, 4, dtype=torch.float64):
        assert torch.allclose(left(kernel, weights), masked(kernel, weights), rtol=0, atol=1e-12)

"""Everything that looks at modules or operations sees those of the definition, in every space, fused or not."""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from harness.plan import registry
from harness.running.counts import macs
from spaces.base import Size, Space
from spaces.parts.cpu.fuse import fuse
from spaces.parts.network import Network

SPACES: dict[str, Space] = {name: registry.space(name) for name in registry.names("spaces")}
SPACES["enas, its own stack"] = registry.space("enas", macro="enas")
SIZE = Size(channels=4, cells=3, classes=10, image=32, inputs=3)
FORMS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "definition": copy.deepcopy,
    "fused": lambda n: fuse(copy.deepcopy(n)),
}

every_space = pytest.mark.parametrize("name", SPACES)
exported_space = pytest.mark.parametrize("name", [name for name in SPACES if name != "darts_s4"])  # refused: noise


def found(name: str, **changes: object) -> Network:
    """The network of an architecture of a space."""
    space = SPACES[name]
    size = replace(SIZE, channels=max(4, space.published.channels // 8), **changes)
    torch.manual_seed(0)
    return space.build(space.sample(random.Random(0)), size)


def images(count: int = 2) -> Tensor:
    return torch.randn(count, SIZE.inputs, SIZE.image, SIZE.image, generator=torch.Generator().manual_seed(0))


def calls(network: nn.Module, *given: object) -> Counter[str]:
    """How often each leaf module is called, by name; 0 where it is not."""
    leaves = {
        name: module
        for name, module in network.named_modules()
        if not list(module.children()) and not isinstance(module, nn.ModuleList | nn.ModuleDict)
    }
    seen = Counter(dict.fromkeys(leaves, 0))
    for name, module in leaves.items():
        module.register_forward_hook(lambda *_, name=name: seen.update([name]))
    network(images(), *given)
    return seen


def soft(shape: Sequence[int]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(candidates, generator=generator).softmax(0).requires_grad_() for candidates in shape]


@every_space
def test_hooks_see_every_module_of_a_network(name: str):
    network = found(name, auxiliary=True).train()
    seen = {form: calls(make(network)) for form, make in FORMS.items()}
    assert [leaf for leaf, count in seen["definition"].items() if not count] == []
    assert seen["fused"] == seen["definition"]


@every_space
def test_hooks_see_every_module_of_a_supernet(name: str):
    torch.manual_seed(0)
    space = SPACES[name]
    supernet = space.supernet(replace(SIZE, channels=max(4, space.searched.channels // 8)))
    seen = {form: calls(make(supernet), soft(supernet.shape)) for form, make in FORMS.items()}
    assert [leaf for leaf, count in seen["definition"].items() if not count] == []
    assert seen["fused"] == seen["definition"]


@every_space
@pytest.mark.parametrize("form", FORMS)
def test_flop_counter_counts_what_we_count(name: str, form: str):
    network = found(name).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        FORMS[form](network)(images(1))
    assert counter.get_total_flops() == 2 * macs(network, SIZE)


@exported_space
@pytest.mark.parametrize("form", FORMS)
def test_a_network_is_exported_as_its_definition(name: str, form: str):
    network = found(name).eval()
    with torch.no_grad():
        expected, _ = network(images())
        logits, _ = torch.export.export(FORMS[form](network), (images(),)).module()(images())
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)

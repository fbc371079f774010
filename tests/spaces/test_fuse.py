"""The door to the fast path: where the faster form runs and where the definition does; state stays the same."""

import copy

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from spaces.parts.cpu.fuse import FORMS, Fused, fuse, unfuse
from spaces.parts.cpu.kernels import usable

X = torch.zeros(2, 3)

pytestmark = pytest.mark.skipif(not usable(X), reason="no kernels here")


class Sum(nn.Module):
    """A definition for these tests."""

    def __init__(self):
        super().__init__()
        self.linear, self.relu = nn.Linear(3, 3), nn.ReLU()

    def forward(self, x):
        return self.relu(self.linear(x)).sum()


class FastSum(Fused, Sum):
    """A form whose result shows that it ran."""

    def fast(self, x):
        return x.new_tensor(-1.0)


def fast(network, x=X):
    return network(x).item() == -1.0


def test_fuse_and_unfuse_change_nothing_but_the_class():
    network = nn.Sequential(Sum(), Sum())[:1]
    before, parameters = copy.deepcopy(network.state_dict()), list(network.parameters())
    assert not fast(network)
    assert fast(fuse(network)) and fast(fuse(network)) and FORMS[Sum] is type(network[0])
    assert list(map(id, network.parameters())) == list(map(id, parameters))
    assert list(network.state_dict()) == list(before)
    assert not fast(unfuse(network)) and type(network[0]) is Sum
    assert vars(network[0]).keys() == vars(Sum()).keys()


def test_a_copy_is_fused_and_watched_by_itself():
    network = fuse(Sum())
    other = copy.deepcopy(network)
    other.linear.register_forward_hook(lambda *_: None)
    assert fast(network) and not fast(other)


@pytest.mark.parametrize(
    "register",
    [
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
    ],
)
def test_hooks_see_the_modules_inside(register):
    network, seen = fuse(Sum()), []
    hook = getattr(network.linear, register)(lambda *_: seen.append(True))
    network(X.clone().requires_grad_()).backward()
    assert seen == [True]
    hook.remove()
    assert fast(network)


def test_a_hook_of_the_form_itself_leaves_it_fast():
    network, seen = fuse(Sum()), []
    network.register_forward_hook(lambda *_: seen.append(True))
    assert fast(network) and seen


def test_hooks_of_all_modules_see_the_modules_inside():
    network, seen = fuse(Sum()), []
    hook = nn.modules.module.register_module_forward_hook(lambda module, *_: seen.append(type(module)))
    try:
        assert not fast(network) and nn.Linear in seen
    finally:
        hook.remove()


def test_counters_profilers_exporters_and_transformations_see_the_operations():
    network = fuse(Sum())
    with FlopCounterMode(display=False) as counter:
        assert not fast(network)
    assert counter.get_total_flops() == 2 * 2 * 3 * 3
    with torch.profiler.profile() as profile:
        assert not fast(network)
    assert any(event.name == "aten::linear" for event in profile.events())
    assert "linear" in str(torch.export.export(network, (X,)).graph)
    assert "linear" in str(torch.jit.trace(network, (X,), check_trace=False).inlined_graph)
    assert torch.vmap(network)(X[None])[0] != -1.0
    assert torch.func.jvp(network, (X,), (X,))[0] != -1.0
    assert torch.compile(network, backend="eager")(X) != -1.0
    with torch.autocast("cpu", torch.bfloat16):
        assert not fast(network)
    assert fast(network)

"""How large a network is: parameters and multiply-adds, in the literature's conventions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from spaces.base import Size, Space
from spaces.parts.network import Network


def describe(space: Space, design: Any, size: Size) -> dict[str, Any]:
    """Counts a network. `parameters`: elements of all parameters, with the auxiliary head's where the size asks for one
    (the literature leaves the head out). `macs`: multiply-adds of convolutions and linear layers for one image in
    evaluation, where the head is not computed."""
    with torch.random.fork_rng(devices=[]):  # its weights are drawn, and not used
        network = space.network(design, size)
    counts = {"parameters": _parameters(network), "macs": macs(network.eval(), size)}
    if network.auxiliary is not None:
        counts["auxiliary_parameters"] = _parameters(network.auxiliary)
        counts["auxiliary_macs"] = macs(network.train(), size) - counts["macs"]
    return counts


def macs(network: Network, size: Size) -> int:
    """Multiply-adds of the modules that are convolutions or linear layers, for one image; found with a batch of none,
    for which layers make shapes alone.

    Not by torch.utils.flop_counter or on the meta device: they import torch's compiler, 1 to 2 s and 110 MB in every
    training job. The tests compare.
    """
    total = 0

    def count(module: nn.Conv2d | nn.Linear, _: Any, out: Tensor) -> None:
        nonlocal total
        total += module.weight.numel() * (out.shape[2:].numel() if isinstance(module, nn.Conv2d) else 1)

    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    with torch.no_grad():
        network(torch.zeros(0, size.inputs, size.image, size.image))
    for hook in hooks:
        hook.remove()
    return total


def describe_supernet(space: Space, size: Size) -> dict[str, Any]:
    """Parameters of the supernet, without architecture parameters, and multiply-adds with every candidate computed."""
    with torch.device("meta"):  # shapes alone: nothing is computed, in the plain form of every layer
        supernet = space.supernet(size)
        mix = [torch.full((candidates,), 1.0).requires_grad_() for candidates in supernet.shape]
        with FlopCounter() as counter:
            supernet(torch.zeros(2, size.inputs, size.image, size.image), mix)
    return {"parameters": _parameters(supernet), "macs": counter.flops // 2 // 2, "places": list(supernet.shape)}


class FlopCounter(TorchDispatchMode):
    """torch's count of floating-point operations, without the decompositions of FlopCounterMode: ENAS's 1,300 batch
    normalisations take it 8 s."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        formula = self.formula(function.overloadpacket)
        if formula is not None:
            self.flops += formula(*args, **(kwargs or {}), out_val=out)
        return out

    def formula(self, operation: Any) -> Any:
        """Of the operations of an operator, for its arguments; None for one that does not count."""
        from torch.utils.flop_counter import flop_registry

        return flop_registry.get(operation)


def _parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())

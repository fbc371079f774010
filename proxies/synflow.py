"""SynFlow (Tanaka et al., 2020, as a score: SamsungLabs/zero-cost-nas, foresight/pruners): all parameters become their
absolute values, batch normalisation the identity, in float64; R is the sum of the logits of one image of ones; the
score is the sum of |W * dR/dW| over the layers' weights. No logarithm: rank the values, which reach 1e67.

Departs from the paper: it is computed once, without pruning. As in TinyNetwork of D-X-Y/AutoDL-Projects, every batch
normalisation is bypassed; the network of that code itself keeps the two of the reduction blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.base import Proxy

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Synflow(Proxy):
    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        import torch
        from torch.func import functional_call

        from proxies.parts.gradients import gradients, layers
        from proxies.parts.linear import without_normalisation

        positive = {name: p.detach().double().abs().requires_grad_() for name, p in network.named_parameters()}
        scored = {id(layer.weight) for layer in layers(network)}
        w = [positive[name] for name, p in network.named_parameters() if id(p) in scored]
        ones = torch.ones_like(batch[0][:1], dtype=torch.float64)
        with without_normalisation(network.train()):
            given = functional_call(network, positive, (ones,))
        flow = (given[0] if isinstance(given, tuple) else given).sum()
        return sum((a * g).abs().sum().item() for a, g in zip(w, gradients(flow, w)))

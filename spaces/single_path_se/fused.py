"""The faster form of a superkernel with squeeze-and-excitation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from spaces.parts.cpu.fuse import Fused
from spaces.single_path.fused import hidden_maps, projected, shifted, used_part
from spaces.single_path.thresholds import KERNELS
from spaces.single_path_se.supernet import ExcitedLayer, MixedExcitation


class FastExcitedLayer(Fused, ExcitedLayer):
    """Where no option with squeeze-and-excitation is wanted, it is not computed."""

    def fast(self, x: Tensor, mix: Tensor) -> Tensor:
        excited = mix[KERNELS : 2 * KERNELS]
        kernels = mix[:KERNELS] + excited
        kernel = used_part(self, kernels)
        if kernel is None:
            return shifted(self, x)
        hidden = hidden_maps(self, x, kernel)
        if mix.requires_grad or excited.any():
            hidden = excite(self.excitation, hidden, kernels[1] + kernels[3], excited.sum())
        return projected(self, x, hidden)


def excite(module: MixedExcitation, x: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """The result of the module for maps of all channels, or of the first half of them where `second` is 0."""
    if x.shape[1] == module.squeeze.in_features:
        return MixedExcitation.forward(module, x, second, weight)
    width = x.shape[1]
    hidden = F.relu(F.linear(x.mean((2, 3)), module.squeeze.weight[:, :width], module.squeeze.bias))
    factor = torch.sigmoid(F.linear(hidden, module.excite.weight[:width], module.excite.bias[:width]))
    return x * (1.0 - weight + weight * factor)[:, :, None, None]

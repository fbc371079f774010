"""Squeeze-and-excitation in Single-Path NAS's blocks, and the superkernel that can switch it on and off.

Abstract-level: the journal version (Stamoulis et al., arXiv 1907.00959), known to us from its abstract only, searches
squeeze-and-excitation with the single-path encoding; the public code does not offer it. We chose: its position, behind
the depthwise convolution, and its width, a quarter of the block's inputs, both as in MnasNet, from whose code the
public code comes; the norm that is compared with the threshold, over the weights of both its matrices; and that it
leaves out the second half of the channels where the expansion is 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spaces.parts.blocks import MBConv
from spaces.parts.layer_shapes import LayerShape
from spaces.single_path.supernet import SinglePathSupernet, SuperkernelLayer
from spaces.single_path.thresholds import KERNELS, Gates, gates, layer_norms


class Excitation(nn.Module):
    """x * s(x): s is a factor between 0 and 1 for each channel of each image, from the channels' means (Hu et al.,
    2018). x: (images, channels, height, width)."""

    def __init__(self, width: int, squeezed: int):
        super().__init__()
        self.squeeze, self.excite = nn.Linear(width, squeezed), nn.Linear(squeezed, width)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean((2, 3))))))[:, :, None, None]

    def mixed(self, x: Tensor, second: Tensor, weight: Tensor) -> Tensor:
        """x * (1 - weight + weight * s(x)). `second`: the weight of the second half of the channels in s. Where x has
        only the first half of the channels, s is computed from that half."""
        width = x.shape[1]
        squeeze, excite = self.squeeze.weight[:, :width], self.excite.weight[:width]
        if width == self.excite.out_features:
            used = torch.cat([second.new_ones(width // 2), second.expand(width // 2)])
            squeeze, excite = squeeze * used, excite * used[:, None]
        hidden = F.relu(F.linear(x.mean((2, 3)), squeeze, self.squeeze.bias))
        factor = torch.sigmoid(F.linear(hidden, excite, self.excite.bias[:width]))
        return x * (1.0 - weight + weight * factor)[:, :, None, None]

    def norms(self) -> Tensor:
        """(2,): for each half of the channels, the Frobenius norm of its weights in both matrices."""
        weights = torch.cat([self.squeeze.weight.t(), self.excite.weight], 1)  # one row per channel
        return torch.linalg.vector_norm(weights.unflatten(0, (2, -1)), dim=(1, 2))


class ExcitedMBConv(MBConv):
    """An inverted residual with squeeze-and-excitation behind its depthwise convolution."""

    def __init__(self, shape: LayerShape, kernel: int, expansion: int):
        super().__init__(shape, kernel, expansion)
        self.excitation = Excitation(expansion * shape.inputs, max(1, shape.inputs // 4))

    def branch(self, x: Tensor) -> Tensor:
        return self.project(self.excitation(self.depthwise(self.expand(x))))


class ExcitedLayer(SuperkernelLayer):
    """A superkernel whose mix has nine weights: four blocks, the same with squeeze-and-excitation, skip."""

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        excited = mix[KERNELS : 2 * KERNELS]
        wanted = mix.requires_grad or bool(excited.any())
        return self.masked(x, mix[:KERNELS] + excited, excited.sum() if wanted else None)


class ExcitedSupernet(SinglePathSupernet):
    """The supernet of the space single_path_se: each layer has a fourth threshold, for squeeze-and-excitation."""

    layer = ExcitedLayer
    decisions = 4

    def gates(self, thresholds: Tensor, scale: Tensor | None = None) -> Gates:
        norms = layer_norms([layer.kernel for layer in self.layers])
        excitation = torch.stack([layer.block.excitation.norms() for layer in self.layers])
        return gates(norms, thresholds, self.skippable(thresholds.device), scale, excitation)

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

from spaces.parts.blocks import MBConv
from spaces.parts.layer_shapes import LayerShape
from spaces.single_path.supernet import SinglePathSupernet, SuperkernelLayer
from spaces.single_path.thresholds import KERNELS, Gates, gates, layer_norms


class Excitation(nn.Module):
    """x * s(x): s is a factor between 0 and 1 for each channel of each image, from the channels' means (Hu et al.,
    2018). x: (images, channels, height, width)."""

    def __init__(self, width: int, squeezed: int):
        super().__init__()
        self.squeeze, self.relu = nn.Linear(width, squeezed), nn.ReLU()
        self.excite, self.sigmoid = nn.Linear(squeezed, width), nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.sigmoid(self.excite(self.relu(self.squeeze(x.mean((2, 3))))))[:, :, None, None]


class MixedExcitation(Excitation):
    """x * (1 - weight + weight * s(x)). `second`: the weight of the second half of the channels in s."""

    def forward(self, x: Tensor, second: Tensor, weight: Tensor) -> Tensor:
        used = torch.cat([second.new_ones(x.shape[1] // 2), second.expand(x.shape[1] // 2)])
        hidden = self.relu(self.squeeze(x.mean((2, 3)) * used))
        excited = self.excite(hidden) * used + self.excite.bias * (1.0 - used)  # biases are not masked
        return x * (1.0 - weight + weight * self.sigmoid(excited))[:, :, None, None]

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
        return self.project(self.excitation(self.depthwise(self.shuffle(self.expand(x)))))


class ExcitedLayer(SuperkernelLayer):
    """A superkernel whose mix has nine weights: four blocks, the same with squeeze-and-excitation, skip."""

    def __init__(self, shape: LayerShape):
        super().__init__(shape)
        self.excitation = MixedExcitation(6 * shape.inputs, max(1, shape.inputs // 4))

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        excited = mix[KERNELS : 2 * KERNELS]
        kernels = mix[:KERNELS] + excited
        hidden = self.relu(self.norm(self.depthwise(self.expand(x), kernels)))
        y = self.project(self.excitation(hidden, kernels[1] + kernels[3], excited.sum()))
        return x + y if self.residual else y


class ExcitedSupernet(SinglePathSupernet):
    """The supernet of the space single_path_se: each layer has a fourth threshold, for squeeze-and-excitation."""

    layer = ExcitedLayer
    decisions = 4

    def gates(self, thresholds: Tensor, scale: Tensor | None = None) -> Gates:
        norms = layer_norms([layer.depthwise.weight for layer in self.layers])
        excitation = torch.stack([layer.excitation.norms() for layer in self.layers])
        return gates(norms, thresholds, self.skippable(thresholds.device), scale, excitation)

"""Single-Path NAS's superkernel: all options of a layer are masks of one 5x5 kernel at expansion 6."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spaces.base import Arch, Size
from spaces.parts.blocks import ConvBn
from spaces.parts.convolutions import Depthwise
from spaces.parts.layer_shapes import LayerShape
from spaces.parts.layerwise import Layerwise
from spaces.parts.network import Supernet, use_batch_statistics
from spaces.single_path.thresholds import KERNELS, Gates, gates, layer_norms, mixture, whole_mask


class Superkernel(Depthwise):
    """A depthwise 5x5 convolution whose kernel is masked. kernels: (4,), the weights of 3x3-3, 3x3-6, 5x5-3, 5x5-6."""

    def masked(self, kernels: Tensor) -> Tensor:
        """(channels, 1, 5, 5)."""
        return self.weight * whole_mask(kernels, len(self.weight)).view_as(self.weight)

    def forward(self, x: Tensor, kernels: Tensor) -> Tensor:
        return F.conv2d(x, self.masked(kernels), None, self.stride, self.padding, groups=self.groups)


class SuperkernelLayer(nn.Module):
    """One layer: an inverted residual of kernel 5 and expansion 6 whose depthwise kernel is masked.

    A channel whose kernel is masked is constant, its batch-norm bias, and the projection's batch normalisation cancels
    constants. So one-hot weights compute one option, and no weights at all compute a constant (see `Shift`).
    """

    def __init__(self, shape: LayerShape):
        super().__init__()
        width = 6 * shape.inputs
        self.expand = ConvBn(shape.inputs, width, 1)
        self.depthwise = Superkernel(width, 5, shape.stride)
        self.norm, self.relu = nn.BatchNorm2d(width), nn.ReLU()
        self.project = ConvBn(width, shape.outputs, 1, relu=False)
        self.residual = shape.residual

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """x: (images, inputs, height, width); mix: the weights of the layer's options."""
        hidden = self.relu(self.norm(self.depthwise(self.expand(x), mix[:KERNELS])))
        y = self.project(hidden)
        return x + y if self.residual else y

    def inherit(self, block: nn.Module) -> nn.Module:
        """A plain block of one option, built without weights, with a copy of those that `forward` uses for it."""
        if isinstance(block, nn.Identity):
            return Shift(self.project[1].bias)
        kernel = self.depthwise.weight
        block = use_batch_statistics(block).to_empty(device=kernel.device).to(kernel.dtype)
        edge = (5 - block.depthwise[0].kernel_size[0]) // 2
        with torch.no_grad():
            for new, old in zip(block.parameters(), self.parameters()):
                part = old[: new.shape[0]]
                if old is kernel:
                    part = part[:, :, edge : 5 - edge, edge : 5 - edge]
                new.copy_(part[:, : new.shape[1]] if new.dim() > 1 else part)
        return block


class Shift(nn.Module):
    """A skipped layer inside the supernet: an identity plus a constant, the bias of the batch normalisation that ends
    the empty branch."""

    def __init__(self, bias: Tensor):
        super().__init__()
        self.bias = nn.Parameter(bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias.view(1, -1, 1, 1)


class SinglePathSupernet(Supernet):
    """Place k is layer k; its candidates are the options of the space, without skip in the first layer of a stage.

    The kernel's mask is linear in the weights: one-hot weights give one option, and `mixture(gates(…))` gives the
    superkernel with its gradients. Inside the supernet a skipped layer adds a constant (see `Shift`); a stand-alone
    network has no such constant.
    """

    layer = SuperkernelLayer
    decisions = 3
    """The number of thresholds of a layer."""

    def __init__(self, space: Layerwise, size: Size):
        """space: one whose options are those of `layer`; the last one is skip."""
        super().__init__()
        self.space, self.size, self.shape = space, size, space.choices
        self.stem, self.tail = space.ends((), size)
        self.layers = nn.ModuleList(map(self.layer, space.layer_shapes(size)))
        use_batch_statistics(self).to(memory_format=torch.channels_last)

    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        x = self.stem(x)
        for layer, weights in zip(self.layers, mix):
            x = layer(x, weights)
        return self.tail(x)

    def gates(self, thresholds: Tensor, scale: Tensor | None = None) -> Gates:
        """The decisions of all layers. thresholds and `scale`, a factor for each decision: (layers, decisions)."""
        norms = layer_norms([layer.depthwise.weight for layer in self.layers])
        return gates(norms, thresholds, self.skippable(thresholds.device), scale)

    def skippable(self, device: torch.device) -> Tensor:
        """Whether each layer has the option skip: (layers,), bool."""
        return torch.tensor([options == max(self.shape) for options in self.shape], device=device)

    def mixture(self, decided: Gates) -> list[Tensor]:
        """The gates of all layers as a mix."""
        return [weights[:options] for weights, options in zip(mixture(decided).unbind(), self.shape)]

    def inherit(self, arch: Arch) -> nn.Module:
        with torch.device("meta"):  # fresh weights would be drawn from the global generator
            blocks = list(map(self.space.block, self.space.decode(arch), self.space.layer_shapes(self.size)))
        blocks = [layer.inherit(block) for layer, block in zip(self.layers, blocks)]
        return nn.Sequential(copy.deepcopy(self.stem), *blocks, copy.deepcopy(self.tail))

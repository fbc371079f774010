"""Single-Path NAS's superkernel: all options of a layer are masks of one 5x5 kernel at expansion 6."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from spaces.base import Arch, Size
from spaces.parts.blocks import MBConv
from spaces.parts.cpu.inverted_residuals import ExpandDepthwise, Project, Section, conv_bn_relu
from spaces.parts.layerwise import Layerwise
from spaces.parts.network import Supernet, use_batch_statistics
from spaces.single_path.thresholds import KERNELS, Gates, gates, layer_norms, mixture, whole_mask


class Shift(nn.Module):
    """A skipped layer inside the supernet: an identity plus a constant, the bias of the batch normalisation that ends
    the empty branch."""

    def __init__(self, bias: Tensor):
        super().__init__()
        self.bias = nn.Parameter(bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias.view(1, -1, 1, 1)


class SuperkernelLayer(nn.Module):
    """One layer: an inverted residual of kernel 5 and expansion 6 whose depthwise kernel is masked.

    A channel whose kernel is masked is constant, its batch-norm bias, and the projection's batch normalisation cancels
    constants. So parts whose weight is exactly 0 need not be computed.
    """

    def __init__(self, block: MBConv):
        """block: the largest option of the layer."""
        super().__init__()
        self.block = use_batch_statistics(block)

    @property
    def kernel(self) -> Tensor:
        """The depthwise kernel before its mask: (channels, 1, 5, 5)."""
        return self.block.depthwise[0].weight

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """x: (images, inputs, height, width); mix: the weights of the layer's options."""
        return self.masked(x, mix[:KERNELS])

    def masked(self, x: Tensor, kernels: Tensor, excited: Tensor | None = None) -> Tensor:
        """kernels: (4,), the weights of 3x3-3, 3x3-6, 5x5-3, 5x5-6; excited: the weight of squeeze-and-excitation."""
        _, k3e6, k5e3, k5e6 = used = [True] * KERNELS if kernels.requires_grad else kernels.bool().tolist()
        if not any(used):
            return x + self.block.project[1].bias.view(1, -1, 1, 1)
        side, width = 5 if k5e3 or k5e6 else 3, (6 if k3e6 or k5e6 else 3) * x.shape[1]
        mixed = None
        if excited is not None:
            mixed = partial(self.block.excitation.mixed, second=kernels[1] + kernels[3], weight=excited)
        y = branch(x, self.block, self._kernel(kernels, width, side), mixed)
        return x + y if self.block.residual else y

    def _kernel(self, kernels: Tensor, width: int, side: int) -> Tensor:
        """The first `width` channels and the middle side x side taps of the masked kernel."""
        masked = self.kernel * whole_mask(kernels, len(self.kernel)).view_as(self.kernel)
        edge = (5 - side) // 2
        return masked[:width, :, edge : 5 - edge, edge : 5 - edge].contiguous()

    def inherit(self, block: nn.Module) -> nn.Module:
        """A plain block of one option, built without weights, with a copy of those that `forward` uses for it."""
        if isinstance(block, nn.Identity):
            return Shift(self.block.project[1].bias)
        block = use_batch_statistics(block).to_empty(device=self.kernel.device).to(self.kernel.dtype)
        edge = (5 - block.depthwise[0].weight.shape[-1]) // 2
        with torch.no_grad():
            for new, old in zip(block.parameters(), self.block.parameters()):
                part = old[: new.shape[0]]
                if old is self.kernel:
                    part = part[:, :, edge : 5 - edge, edge : 5 - edge]
                new.copy_(part[:, : new.shape[1]] if new.dim() > 1 else part)
        return block


def branch(x: Tensor, block: MBConv, kernel: Tensor, between: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """An inverted residual without its residual connection, with only as many hidden channels as `kernel` has. x:
    (images, inputs, height, width); kernel: (hidden channels, 1, k, k). `between` is applied to the maps in front of
    the projection."""
    width, (conv, norm, _), (project, last) = len(kernel), block.depthwise, block.project
    expansion = None, None, None
    if block.expand is not None:
        expand, first, _ = block.expand
        expansion = _first(expand.weight, width), _first(first.weight, width), _first(first.bias, width)
    affine = _first(norm.weight, width), _first(norm.bias, width)
    sections = [Section(width, kernel.shape[-1], block.expand is not None)]
    hidden = ExpandDepthwise.compute(x, *expansion, kernel, *affine, sections, conv.stride[0])
    if between is not None:
        hidden = between(hidden)
    weights = _first(project.weight, width, 1)
    return Project.compute(hidden, None, weights, last.weight, last.bias, [(1, project.out_channels, width)])


def _first(weight: Tensor, width: int, dim: int = 0) -> Tensor:
    """The first `width` entries along a dimension. Where they are all, the weight itself: the gradient of a part would
    be copied into zeros."""
    return weight if weight.shape[dim] == width else weight.narrow(dim, 0, width)


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
        """space: one whose last option is skip and whose last but one is the largest block."""
        super().__init__()
        self.space, self.size, self.shape = space, size, space.choices
        stem, tail = space.ends((), size)
        self.stem, self.tail = use_batch_statistics(stem), use_batch_statistics(tail)
        largest = space.options[-2]
        self.layers = nn.ModuleList(self.layer(space.block(largest, shape)) for shape in space.layer_shapes(size))
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        conv, first = self.stem
        last, wide, *head = self.tail
        x = branch(conv_bn_relu(x, conv), first, first.depthwise[0].weight)
        for layer, weights in zip(self.layers, mix):
            x = layer(x, weights)
        x = conv_bn_relu(branch(x, last, last.depthwise[0].weight), wide)
        for part in head:
            x = part(x)
        return x

    def gates(self, thresholds: Tensor, scale: Tensor | None = None) -> Gates:
        """The decisions of all layers. thresholds and `scale`, a factor for each decision: (layers, decisions)."""
        norms = layer_norms([layer.kernel for layer in self.layers])
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

"""The faster form of a superkernel: only the channels and the taps that some option uses are computed."""

from __future__ import annotations

from torch import Tensor

from spaces.parts.cpu.fuse import Fused
from spaces.parts.cpu.inverted_residuals import ExpandDepthwise, Project, Section
from spaces.single_path.supernet import SuperkernelLayer
from spaces.single_path.thresholds import KERNELS


class FastSuperkernelLayer(Fused, SuperkernelLayer):
    def fast(self, x: Tensor, mix: Tensor) -> Tensor:
        kernel = used_part(self, mix[:KERNELS])
        return shifted(self, x) if kernel is None else projected(self, x, hidden_maps(self, x, kernel))


def used_part(layer: SuperkernelLayer, kernels: Tensor) -> Tensor | None:
    """The channels and taps of the masked kernel that weights (4,) of 3x3-3, 3x3-6, 5x5-3, 5x5-6 use: (channels, 1, k,
    k). None where the layer is skipped: all weights are exactly 0 and need no gradient."""
    _, k3e6, k5e3, k5e6 = used = [True] * KERNELS if kernels.requires_grad else kernels.bool().tolist()
    if layer.residual and not any(used):
        return None
    masked, edge = layer.depthwise.masked(kernels), 0 if k5e3 or k5e6 else 1
    width = len(masked) if k3e6 or k5e6 else len(masked) // 2
    return masked[:width, :, edge : 5 - edge, edge : 5 - edge].contiguous()


def shifted(layer: SuperkernelLayer, x: Tensor) -> Tensor:
    """A skipped layer: see `spaces.single_path.supernet.Shift`."""
    return x + layer.project[1].bias.view(1, -1, 1, 1)


def hidden_maps(layer: SuperkernelLayer, x: Tensor, kernel: Tensor) -> Tensor:
    """What the projection reads, with only as many channels as `kernel` has."""
    width, (expand, first, _), norm = len(kernel), layer.expand, layer.norm
    expansion = _first(expand.weight, width), _first(first.weight, width), _first(first.bias, width)
    affine = _first(norm.weight, width), _first(norm.bias, width)
    sections = [Section(width, kernel.shape[-1], True)]
    return ExpandDepthwise.apply(x, *expansion, kernel, *affine, sections, layer.depthwise.stride[0])


def projected(layer: SuperkernelLayer, x: Tensor, hidden: Tensor) -> Tensor:
    """The projection of hidden maps, and the residual connection with x, if any."""
    (conv, norm), width = layer.project, hidden.shape[1]
    shapes = [(1, conv.out_channels, width)]
    y = Project.apply(hidden, None, _first(conv.weight, width, 1), norm.weight, norm.bias, shapes)
    return x + y if layer.residual else y


def _first(weight: Tensor, width: int, dim: int = 0) -> Tensor:
    """The first `width` entries along a dimension. Where they are all, the weight itself: the gradient of a part would
    be copied into zeros."""
    return weight if weight.shape[dim] == width else weight.narrow(dim, 0, width)

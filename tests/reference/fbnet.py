"""FBNet's supernet as the paper writes it: every layer is the weighted sum of whole candidate blocks (Eq. 3)."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from spaces.fbnet.supernet import FbnetSupernet, MixedLayer


def conv(x: Tensor, module: nn.Conv2d) -> Tensor:
    return F.conv2d(x, module.weight, None, module.stride, module.padding, groups=module.groups)


def norm(x: Tensor, module: nn.BatchNorm2d) -> Tensor:
    return F.batch_norm(x, None, None, module.weight, module.bias, True, 0.0, module.eps)


def unit(x: Tensor, sequence: nn.Sequential) -> Tensor:
    """Convolution and batch normalisation of a block."""
    return norm(conv(x, sequence[0]), sequence[1])


def candidate(x: Tensor, option: str, module: nn.Module) -> Tensor:
    if option == "skip":
        return x if isinstance(module, nn.Identity) else F.relu(unit(x, module))
    hidden = x if module.expand is None else F.relu(unit(x, module.expand))
    if option.endswith("g2"):  # channel shuffle of two groups: 0, n/2, 1, n/2 + 1, …
        hidden = hidden[:, [i // 2 + i % 2 * (hidden.shape[1] // 2) for i in range(hidden.shape[1])]]
    y = unit(F.relu(unit(hidden, module.depthwise)), module.project)
    return x + y if x.shape == y.shape else y


def views(layer: MixedLayer, option: int) -> nn.Module:
    """A candidate that computes with the layer's own weights, so that gradients reach them."""
    module = copy.deepcopy(layer.template(option))
    for name, weight in layer.weights(option).items():
        part, kind = name.rsplit(".", 1)
        del module.get_submodule(part)._parameters[kind]
        setattr(module.get_submodule(part), kind, weight)
    return module


def separated(supernet: FbnetSupernet) -> FbnetSupernet:
    """A copy for `mixed` in which every candidate has parameters of its own."""
    supernet = copy.deepcopy(supernet)
    supernet.layers = nn.ModuleList(
        nn.ModuleList(layer.inherit(i) for i in range(layer.options)) for layer in supernet.layers
    )
    return supernet


def mixed_layer(layer: MixedLayer | nn.ModuleList, options: Sequence[str], x: Tensor, weights: Tensor) -> Tensor:
    separate = isinstance(layer, nn.ModuleList)
    candidates = layer if separate else [views(layer, i) for i in range(layer.options)]
    blocks = zip(weights, options, candidates)
    return sum(weight * candidate(x, option, module) for weight, option, module in blocks)


def mixed(supernet: FbnetSupernet, options: Sequence[str], x: Tensor, mix: Sequence[Tensor]) -> Tensor:
    """Logits, with the supernet's weights."""
    x = F.relu(unit(x, supernet.stem))
    for layer, weights in zip(supernet.layers, mix):
        x = mixed_layer(layer, options, x, weights)
    x = F.relu(unit(x, supernet.tail[0]))
    return F.linear(x.mean((2, 3)), supernet.tail[-1].weight, supernet.tail[-1].bias)

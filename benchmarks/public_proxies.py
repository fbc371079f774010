"""Scores step by step as public code computes them, restated: SamsungLabs/zero-cost-nas, foresight/pruners (Apache
License 2.0), by way of automl/NASLib (Apache License 2.0), predictors/utils/pruners, which carries that code and adds
epe_nas and nwot; zico is SLDGroup/ZiCo's, ZeroShotProxy/compute_zico.py. Our proxies are compared with them, in
results and in speed.

Every measure gets a copy of the network, differentiates all of it, and ends with a collection of garbage. Left out, in
favour of the public code: its loader of data, of which each network starts the workers anew, and its moves between
devices, of which there is one here."""

from __future__ import annotations

import copy
import gc
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

Batch = tuple[Tensor, Tensor]
"""(images, labels)"""
KINDS = nn.Conv2d | nn.Linear


def find_measures(network: nn.Module, batch: Batch, names: Iterable[str]) -> dict[str, float]:
    """predictive.py: the measures of a network, each of a copy of its own."""
    found = {}
    for name in names:
        copied = copy.deepcopy(network).train()
        found[name] = MEASURES[name](copied, *batch)
        del copied
        gc.collect()
    return found


def _loss(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(network(x)[0], y)


def _layers(network: nn.Module) -> list[Any]:
    return [layer for layer in network.modules() if isinstance(layer, KINDS)]


def _sum(network: nn.Module, metric: Callable[[Any], Tensor | None]) -> float:
    """The sum over layers of a metric of all their weights; None stands for zeros."""
    layers = _layers(network)
    values = [metric(layer) for layer in layers]
    arrays = [torch.zeros_like(layer.weight) if v is None else v for layer, v in zip(layers, values)]
    return sum(torch.sum(array).item() for array in arrays)


def grad_norm(network: nn.Module, x: Tensor, y: Tensor) -> float:
    _loss(network, x, y).backward()
    return _sum(network, lambda layer: None if layer.weight.grad is None else layer.weight.grad.norm())


def plain(network: nn.Module, x: Tensor, y: Tensor) -> float:
    _loss(network, x, y).backward()
    return _sum(network, lambda layer: None if layer.weight.grad is None else layer.weight.grad * layer.weight)


def snip(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """The gradients are those of a mask on frozen weights."""
    for layer in _layers(network):
        layer.mask = nn.Parameter(torch.ones_like(layer.weight))
        layer.weight.requires_grad_(False)
        layer.forward = partial(_masked, layer)
    _loss(network, x, y).backward()
    return _sum(network, lambda layer: None if layer.mask.grad is None else layer.mask.grad.abs())


def _masked(layer: Any, x: Tensor) -> Tensor:
    weight = layer.weight * layer.mask
    if isinstance(layer, nn.Linear):
        return F.linear(x, weight, layer.bias)
    return F.conv2d(x, weight, layer.bias, layer.stride, layer.padding, layer.dilation, layer.groups)


def grasp(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """One pass gives the gradients that are held fixed, another those that are differentiated."""
    weights = [layer.weight for layer in _layers(network)]
    fixed = torch.autograd.grad(_loss(network, x, y), weights, allow_unused=True)
    slopes = torch.autograd.grad(_loss(network, x, y), weights, create_graph=True, allow_unused=True)
    z = sum((a.data * b).sum() for a, b in zip(fixed, slopes) if a is not None)
    if isinstance(z, Tensor) and z.requires_grad:
        z.backward()
    return _sum(network, lambda layer: None if layer.weight.grad is None else -layer.weight.data * layer.weight.grad)


def fisher(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """An identity behind each layer carries a hook; a channel's value is spread over its weights, one by one."""
    for layer in _layers(network):
        layer.fisher, layer.dummy = None, nn.Identity()
        layer.dummy.register_full_backward_hook(partial(_fisher_hook, layer))
        layer.forward = partial(_watched, layer, layer.forward)
    _loss(network, x, y).backward()
    return _sum(network, _spread)


def _watched(layer: Any, forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    layer.activation = layer.dummy(forward(x))
    return layer.activation


def _fisher_hook(layer: Any, _: Any, __: Any, gradient: Any) -> None:
    product = layer.activation.detach() * gradient[0].detach()
    per_image = product.sum(list(range(2, product.ndim))) if product.ndim > 2 else product
    layer.fisher = per_image.pow(2).mean(0).mul(0.5)
    del layer.activation


def _spread(layer: Any) -> Tensor | None:
    if layer.fisher is None:
        return None
    empty = partial(torch.empty, layer.weight.shape[1:], dtype=layer.weight.dtype, device=layer.weight.device)
    return torch.stack([empty().fill_(value) for value in layer.fisher.abs()])


def synflow(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """All of the state becomes positive, and its signs are put back afterwards."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.forward = lambda x: x  # type: ignore[method-assign, assignment]
    with torch.no_grad():
        state = network.double().state_dict()
        signs = {name: torch.sign(tensor) for name, tensor in state.items()}
        for tensor in state.values():
            tensor.abs_()
    network(torch.ones_like(x[:1], dtype=torch.float64))[0].sum().backward()
    found = _sum(network, lambda layer: None if layer.weight.grad is None else (layer.weight * layer.weight.grad).abs())
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            tensor.mul_(signs[name])
    return found


def _jacobian(network: nn.Module, x: Tensor) -> np.ndarray:
    images = x.clone().requires_grad_(True)
    logits = network(images)[0]
    logits.backward(torch.ones_like(logits))
    assert images.grad is not None
    return images.grad.detach().reshape(len(x), -1).cpu().numpy()


def jacob_cov(network: nn.Module, x: Tensor, y: Tensor) -> float:
    correlation = np.corrcoef(_jacobian(network, x))
    if not np.isfinite(correlation).all():
        return float("nan")
    values = np.linalg.eig(correlation)[0].real + 1e-5
    return float(-np.sum(np.log(values) + 1 / values))


def epe_nas(network: nn.Module, x: Tensor, y: Tensor) -> float:
    rows: dict[int, Any] = {}
    for row, label in zip(_jacobian(network, x), y.cpu().numpy()):
        rows[label] = np.vstack((rows[label], row)) if label in rows else row
    return float(sum(abs(np.sum(np.log(abs(np.corrcoef(group)) + 1e-5))) for group in rows.values()))


def nwot(network: nn.Module, x: Tensor, y: Tensor) -> float:
    kernels = [np.zeros((len(x), len(x)))]

    def count(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        code = (given[0].reshape(len(x), -1) > 0).float()
        kernels[0] = kernels[0] + (code @ code.t()).cpu().numpy() + ((1.0 - code) @ (1.0 - code.t())).cpu().numpy()

    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(count)
    network(x.clone())
    return float(np.linalg.slogdet(kernels[0])[1])


def zico(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Of two batches: the halves of the one that our proxies get."""
    gradients = defaultdict(list)
    for images, labels in zip(x.chunk(2), y.chunk(2)):
        network.zero_grad()
        _loss(network, images, labels).backward()
        for name, layer in network.named_modules():
            if isinstance(layer, KINDS) and layer.weight.grad is not None:
                gradients[name].append(layer.weight.grad.reshape(-1).cpu().numpy().copy())
    total = 0.0
    for pair in map(np.array, gradients.values()):
        spread, size = np.std(pair, axis=0), np.mean(np.abs(pair), axis=0)
        ratio = np.sum(size[spread > 0] / spread[spread > 0])
        total += np.log(ratio) if ratio else 0.0
    return float(total)


ZERO_COST = ("grad_norm", "snip", "grasp", "fisher", "jacob_cov", "plain", "synflow")
"""The measures of SamsungLabs/zero-cost-nas, in its order."""
MEASURES: dict[str, Callable[[nn.Module, Tensor, Tensor], float]] = {
    **dict(zip(ZERO_COST, (grad_norm, snip, grasp, fisher, jacob_cov, plain, synflow))),
    "epe_nas": epe_nas,
    "nwot": nwot,
    "zico": zico,
}

"""Convolutions and batch normalisation that can be differentiated twice in few passes over the maps.

torch composes their second derivatives of dozens of elementwise operations, and in them takes the gradient for a
convolution's weights as a convolution whose kernel is a whole map. Here they are made of the kernels of the first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

Gradients = tuple[Tensor | None, ...]


@contextmanager
def twice_differentiable(network: nn.Module) -> Iterator[None]:
    """Inside, a network's convolutions and batch normalisations of maps compute as below, the latter by the statistics
    of the batch. Subclasses with a `forward` of their own stay as they are."""
    convolutions = [m for m in network.modules() if type(m) is nn.Conv2d and _usual(m)]
    norms = [m for m in network.modules() if type(m) is nn.BatchNorm2d]
    for layer in convolutions:
        layer.forward = partial(_convolve, layer)  # type: ignore[method-assign]
    for norm in norms:
        norm.forward = partial(_normalise, norm)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for module in (*convolutions, *norms):
            del module.forward


def _usual(layer: nn.Conv2d) -> bool:
    return layer.padding_mode == "zeros" and layer.bias is None and not isinstance(layer.padding, str)


def _convolve(layer: nn.Conv2d, x: Tensor) -> Tensor:
    settings = layer.stride, layer.padding, layer.dilation, False, (0, 0), layer.groups
    y: Tensor = _Convolution.apply(x, layer.weight, settings)
    return y


def _normalise(norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    y: Tensor = _Normalisation.apply(x, norm.weight, norm.bias, norm.eps)
    return y


class _Convolution(torch.autograd.Function):
    """y = W * x, the convolution."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, settings: Any) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.settings = settings
        return torch.convolution(x, w, None, *settings)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Gradients:
        return *_ConvolutionSlope.apply(g, *ctx.saved_tensors, ctx.settings, ctx.needs_input_grad[:2]), None


class _ConvolutionSlope(torch.autograd.Function):
    """dx = X(g, W) and dW = V(g, x), both bilinear. <u, dx> + <v, dW> has the gradients W * u + v * x for g, X(g, v)
    for x, and V(g, u) for W."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, w: Tensor, settings: Any, wanted: tuple[bool, bool]) -> Gradients:
        ctx.save_for_backward(g, x, w)
        ctx.settings = settings
        ctx.set_materialize_grads(False)
        return _convolution_slopes(g, x, w, settings, wanted)

    @staticmethod
    def backward(ctx: Any, u: Tensor | None, v: Tensor) -> Gradients:
        g, x, w = ctx.saved_tensors
        by_g = torch.convolution(x, v, None, *ctx.settings)
        if u is None:  # nothing depends on dx: x are the images
            return by_g, None, None, None, None
        by_g += torch.convolution(u, w, None, *ctx.settings)
        return by_g, *_convolution_slopes(g, u, v, ctx.settings, (True, True)), None, None


def _convolution_slopes(g: Tensor, x: Tensor, w: Tensor, settings: Any, wanted: tuple[bool, bool]) -> Gradients:
    """(X(g, w), V(g, x)), each where it is wanted."""
    found: Gradients = torch.ops.aten.convolution_backward(g, x, w, None, *settings, [*wanted, False])
    return found[:2]


class _Normalisation(torch.autograd.Function):
    """y = w x̂ + b with x̂ = r (x - mean) and r = 1 / sqrt(variance + eps), of each channel over images and pixels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor | None, b: Tensor | None, eps: float) -> Tensor:
        y, mean, r = torch.native_batch_norm(x, w, b, None, None, True, 0.0, eps)
        ctx.save_for_backward(x, w, mean, r)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Gradients:
        return *_NormalisationSlope.apply(g, *ctx.saved_tensors, ctx.eps), None


class _NormalisationSlope(torch.autograd.Function):
    """dx = B(g) = w r (g - m(g) - x̂ m(g x̂)), with the mean m over images and pixels. B is symmetric, so <v, B(g)> has
    the gradient B(v) for g; that for x is -r (x̂ m(v B(g)) + B(v) m(g x̂) + B(g) m(v x̂)). The gradients for w and b are
    not differentiated again."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, w: Tensor | None, mean: Tensor, r: Tensor, eps: float) -> Gradients:
        bg, g_x, g_sum = _normalisation_slopes(g, x, w, mean, r, eps)
        ctx.save_for_backward(x, w, mean, r, bg, g_x)
        ctx.eps = eps
        if w is None:
            return bg, None, None
        ctx.mark_non_differentiable(g_x, g_sum)
        return bg, g_x, g_sum

    @staticmethod
    def backward(ctx: Any, v: Tensor, *_: Any) -> Gradients:
        x, w, mean, r, bg, g_x = ctx.saved_tensors
        bv, v_x = _normalisation_slopes(v, x, w, mean, r, ctx.eps)[:2]
        v_bg = (v * bg).sum((0, 2, 3))
        by_x, by_bv, by_bg = ((-r * total / (x.numel() / len(r))).view(1, -1, 1, 1) for total in (r * v_bg, g_x, v_x))
        dx = (x - mean.view(1, -1, 1, 1)).mul_(by_x).addcmul_(bv, by_bv).addcmul_(bg, by_bg)
        return bv, dx, None, None, None, None


def _normalisation_slopes(
    g: Tensor, x: Tensor, w: Tensor | None, mean: Tensor, r: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """(B(g), sum of g x̂, sum of g), the sums of each channel over images and pixels."""
    weight = torch.ones_like(r) if w is None else w
    found: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.native_batch_norm_backward(
        g, x, weight, None, None, mean, r, True, eps, [True, True, True]
    )
    return found

"""The steps of inverted residuals, each one step of autograd with its gradient written by hand: those of a stack of
FBNet's blocks, and of Single-Path's superkernel.

Maps are matrices (pixels of all images, channels) here. A gradient that nobody asks for is not computed: a step of the
architecture needs none of weights. Elsewhere than on a CPU, and where a gradient is to be differentiated again, each is
what its `plain` says.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from spaces._depthwise import convolve, input_gradient, weight_gradient
from spaces._residual_rows import ByCovariance, ByPasses, for_normalised, maps, normalise, normalised, product, rows

LARGE = 2**19  # elements of a product, from which passes over it cost more than the narrow products that save them

threshold_backward = torch.ops.aten.threshold_backward


class Step(Function):
    """Arguments are tensors or None first, then constants."""

    @classmethod
    def of(cls, *arguments):
        return cls.apply(*arguments) if arguments[0].device.type == "cpu" else cls.plain(*arguments)

    @classmethod
    def again(cls, ctx, g: Tensor) -> list[Tensor | None]:
        """The gradients, differentiable."""
        inputs = ctx.saved_tensors[: len(ctx.needs_input_grad) - len(ctx.constants)]
        with torch.enable_grad():
            y = cls.plain(*inputs, *ctx.constants)
        chosen = [tensor for tensor, wanted in zip(inputs, ctx.needs_input_grad) if wanted]
        found = iter(torch.autograd.grad(y, chosen, g, create_graph=True))
        return [next(found) if wanted else None for wanted in ctx.needs_input_grad]


class Expand(Step):
    """x @ feed' beside the positive part of x @ matrix', normalised. matrix, scale, shift: or None."""

    @staticmethod
    def plain(x, feed, matrix, scale, shift):
        parts = [] if matrix is None else [F.relu(normalised(x @ matrix.t(), scale, shift))]
        return torch.cat([x @ feed.t(), *parts], 1)

    @staticmethod
    def forward(ctx, x, feed, matrix, scale, shift):
        fed, saved = len(feed), ()
        y = x.new_empty(len(x), fed + (0 if matrix is None else len(matrix)))
        torch.mm(x, feed.t(), out=y[:, :fed])
        if matrix is not None:
            ctx.form = ByCovariance if len(x) * len(matrix) >= LARGE else ByPasses
            saved = ctx.form.forward(x, matrix, scale, shift, y[:, fed:])
        ctx.constants = ()
        ctx.save_for_backward(x, feed, matrix, scale, shift, y, *saved)
        return y

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            return tuple(Expand.again(ctx, g))
        x, feed, matrix, scale, _, y, *saved = ctx.saved_tensors
        fed, (for_x, _, train, *_) = len(feed), ctx.needs_input_grad
        into = g[:, :fed] @ feed if for_x else None
        if matrix is None:
            return into, None, None, None, None
        g = threshold_backward(g[:, fed:], y[:, fed:], 0)
        for_product = ctx.form.backward(g, x, matrix, scale, saved, into, train)
        return into, None, *for_product


class Depthwise(Step):
    """The positive part of the convolved maps, normalised. kernels: (channels, 1, k, k); sides: the maps'."""

    @staticmethod
    def plain(x, kernels, scale, shift, stride, sides):
        return F.relu(normalised(rows(convolve(maps(x, *sides), kernels, stride)), scale, shift))

    @staticmethod
    def forward(ctx, x, kernels, scale, shift, stride, sides):
        y = convolve(maps(x, *sides), kernels, stride)
        active, saved = normalise(rows(y), scale, shift)
        ctx.constants, ctx.out = (stride, sides), y.shape[2:]
        ctx.save_for_backward(x, kernels, scale, shift, active.relu_(), *saved)
        return active

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            return tuple(Depthwise.again(ctx, g))
        x, kernels, _, _, active, *saved = ctx.saved_tensors
        (stride, sides), (for_x, train, *_) = ctx.constants, ctx.needs_input_grad
        g, *affine = for_normalised(threshold_backward(g, active, 0), saved, train)
        x, g = maps(x, *sides), maps(g, *ctx.out)
        into = rows(input_gradient(g, kernels, x.shape, stride)) if for_x else None
        for_kernels = weight_gradient(x, g, kernels.shape, stride) if train else None
        return into, for_kernels, *affine, None, None


class Contract(Step):
    """x @ matrix', normalised."""

    @staticmethod
    def plain(x, matrix, scale, shift):
        return normalised(x @ matrix.t(), scale, shift)

    @staticmethod
    def forward(ctx, x, matrix, scale, shift):
        y, saved = normalise(product(x, matrix), scale, shift)
        ctx.constants = ()
        ctx.save_for_backward(x, matrix, scale, shift, *saved)
        return y

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            return tuple(Contract.again(ctx, g))
        x, matrix, _, _, *saved = ctx.saved_tensors
        for_x, train, *_ = ctx.needs_input_grad
        g, *affine = for_normalised(g, saved, train)
        return g @ matrix if for_x else None, g.t() @ x if train else None, *affine


class Project(Step):
    """The sum of the blocks' products, each normalised, weighted by the mix. weights: flat; products: a `Products`."""

    @staticmethod
    def plain(x, mix, weights, scale, shift, products):
        parts = zip(x.split(products.inputs, 1), products.matrices(weights))
        z = torch.cat([part @ matrix.t() for part, matrix in parts], 1)
        return _summed(normalised(z, _scaled(scale, mix), _scaled(shift, mix)), mix)

    @staticmethod
    def forward(ctx, x, mix, weights, scale, shift, products):
        matrices = products.matrices(weights)
        z, saved = normalise(products.forward(x, matrices), _scaled(scale, mix), _scaled(shift, mix))
        ctx.constants = (products,)
        ctx.save_for_backward(x, mix, weights, scale, shift, *saved, *matrices)
        return _summed(z, mix)

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            return tuple(Project.again(ctx, g))
        x, mix, _, *affine, z, s, mean, inverse = ctx.saved_tensors[:9]
        (products,), (for_x, for_mix, train, *_) = ctx.constants, ctx.needs_input_grad
        g, *found = for_normalised(g.repeat(1, len(mix)), (z, s, mean, inverse), for_mix or train)
        into = products.for_input(g, ctx.saved_tensors[9:]) if for_x else None
        share = sum((a * f).view(len(mix), -1).sum(1) for a, f in zip(affine, found)) if for_mix else None
        found = [_scaled(f, mix) for f in found] if train else [None, None]
        return into, share, products.for_weights(x, g) if train else None, *found, None


def _scaled(affine: Tensor, mix: Tensor) -> Tensor:
    return (affine.view(len(mix), -1) * mix[:, None]).flatten()


def _summed(z: Tensor, mix: Tensor) -> Tensor:
    return z.view(len(z), len(mix), -1).sum(1)

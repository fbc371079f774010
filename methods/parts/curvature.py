"""The curvature of the validation loss along the architecture parameters (RobustDARTS: it grows before DARTS fails)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from methods.parts.architect import Alphas, Batch, at_weights, batch_loss
from spaces.parts.network import Supernet


def dominant_eigenvalue(
    supernet: Supernet, alphas: Alphas, batch: Batch, generator: torch.Generator, products: int
) -> float:
    """The largest eigenvalue of the Hessian of a batch's mean loss by the architecture parameters, at the current
    weights; see `largest_eigenvalue`. The products are exact: a gradient is differentiated again. `generator` gives the
    vector to start from. The eigenvalue is never negative: a softmax ignores a shift of its logits, so that 0 is one
    of the Hessian's eigenvalues."""
    parameters, weights = list(alphas.parameters()), list(supernet.parameters())
    with at_weights(weights, [w.data for w in weights], trained=False):
        loss, _ = batch_loss(supernet, alphas, batch)
        slopes = torch.autograd.grad(loss, parameters, create_graph=True)

        def product(vector: Tensor) -> Tensor:
            parts = vector.to(slopes[0]).split([p.numel() for p in parameters])
            along = [part.view_as(p) for part, p in zip(parts, parameters)]
            return _flat(torch.autograd.grad(slopes, parameters, along, retain_graph=True))

        start = torch.randn(sum(p.numel() for p in parameters), generator=generator, dtype=torch.float64)
        return largest_eigenvalue(product, start.to(slopes[0].device), products)


def largest_eigenvalue(product: Callable[[Tensor], Tensor], start: Tensor, products: int) -> float:
    """The largest eigenvalue of a symmetric matrix, from at most `products` products with it, never too large.

    It is the largest one of the matrix restricted to what power iteration from `start` has visited (Lanczos), which
    converges much faster than power iteration itself, and to the largest eigenvalue where another one is more negative.
    product: the matrix times a vector; start: (n,) in double precision.
    """
    basis, images, vector = start.new_empty(0, len(start)), start.new_empty(0, len(start)), start
    for _ in range(min(products, len(start))):
        before = vector.norm()
        for _ in range(2):  # rounding leaves a rest the first time
            vector = vector - basis.T @ (basis @ vector)
        if vector.norm() <= 1e-6 * before:  # the space is closed: nothing new will come
            break
        basis = torch.cat((basis, (vector / vector.norm())[None]))
        images = torch.cat((images, product(basis[-1]).to(basis)[None]))
        vector = images[-1]
    restricted = basis @ images.T
    return float(torch.linalg.eigvalsh((restricted + restricted.T) / 2)[-1])


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])

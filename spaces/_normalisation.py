"""Batch normalisation of a matrix product with the statistics of the batch, and its gradients, on a CPU.

rows: (channels, pixels); matrix: (outputs, channels); scale and shift: (outputs,) or None.
"""

from __future__ import annotations

import torch

EPS = 1e-5  # torch's, which every batch normalisation has


class ByCovariance:
    """matrix @ rows, normalised: the statistics of the product follow from the mean and covariance of the rows, its few
    inputs, without a pass over it."""

    @staticmethod
    def forward(rows, matrix, scale, shift, owned):
        mean = rows.mean(1, keepdim=True)
        centred = rows.sub_(mean) if owned else rows - mean
        covariance = centred @ centred.t() / rows.shape[1]
        spread = matrix @ covariance
        variance = (spread * matrix).sum(1)
        inverse = (variance + EPS).rsqrt()
        weight = matrix * (inverse if scale is None else inverse * scale)[:, None]
        y = weight @ centred if shift is None else torch.addmm(shift[:, None], weight, centred)
        return y, (matrix @ mean)[:, 0], variance, (centred, spread, inverse, weight)

    @staticmethod
    def backward(g, matrix, scale, saved, for_rows, for_matrix):
        """Gradients of (rows, matrix, scale, shift)."""
        centred, spread, inverse, weight = saved
        count = centred.shape[1]
        total, product = g.sum(1), g @ centred.t()
        along = (product * matrix).sum(1) * inverse  # g . normalised
        into = None
        if for_rows:
            through = weight.t() @ (matrix * (along * inverse / -count)[:, None])
            into = torch.addmm((weight.t() @ total / -count)[:, None], weight.t(), g).addmm_(through, centred)
        if for_matrix:
            factor = inverse if scale is None else inverse * scale
            product = (product - spread * (along * inverse)[:, None]) * factor[:, None]
        return into, product if for_matrix else None, None if scale is None else along, None if scale is None else total


class ByRows:
    """matrix @ rows, or the rows, normalised by torch."""

    @staticmethod
    def forward(rows, matrix, scale, shift, owned):
        product = rows if matrix is None else matrix @ rows
        y, mean, inverse = torch.native_batch_norm(product[None], scale, shift, None, None, True, 0.0, EPS)
        return y[0], mean, inverse.pow(-2) - EPS, (rows, product, mean, inverse)

    @staticmethod
    def backward(g, matrix, scale, saved, for_rows, for_matrix):
        rows, product, mean, inverse = saved
        wanted = [True, scale is not None, scale is not None]
        g, for_scale, for_shift = torch.ops.aten.native_batch_norm_backward(
            g[None], product[None], scale, None, None, mean, inverse, True, EPS, wanted
        )
        g = g[0]
        if matrix is None:
            return g, None, for_scale, for_shift
        return matrix.t() @ g if for_rows else None, g @ rows.t() if for_matrix else None, for_scale, for_shift

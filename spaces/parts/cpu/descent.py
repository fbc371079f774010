"""Gradient clipping and stochastic gradient descent as one call each: with hundreds of small tensors, torch's own take
as long as the network's whole forward pass."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from spaces.parts.cpu.build import library
from spaces.parts.cpu.kernels import TYPES, usable


def together(*columns: Sequence[Tensor]) -> bool:
    """Whether the calls below can take these columns of tensors: of one type that the kernels know, and in each row the
    tensors lie alike in memory, without gaps."""
    first = columns[0]
    if not first or not usable(first[0]) or any(x.dtype != first[0].dtype for column in columns for x in column):
        return False
    usual = [all(row) for row in zip(*[[x.is_contiguous() for x in column] for column in columns])]
    return all(_last(column[i]) for i, is_usual in enumerate(usual) if not is_usual for column in columns)


def _last(x: Tensor) -> bool:
    return x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)


def clip(parameters: Iterable[nn.Parameter], most: float) -> None:
    """As `torch.nn.utils.clip_grad_norm_`: scales the gradients, so that their Euclidean norm is at most `most`."""
    parameters = list(parameters)
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not together(gradients):
        nn.utils.clip_grad_norm_(parameters, most)
        return
    kernels, table = library(TYPES[gradients[0].dtype]), (len(gradients), _addresses(gradients), _sizes(gradients))
    factor = most / (kernels.norm_of(*table) + 1e-6)
    if not factor >= 1:  # not a number: the gradients become that too
        kernels.scale_all(*table, factor)


def descend(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    momenta: Sequence[Tensor],
    *,
    lr: float,
    momentum: float,
    weight_decay: float,
    nesterov: bool,
) -> None:
    """A step of torch.optim.SGD, in place. The three must be `together`."""
    addresses = _addresses(parameters), _addresses(gradients), _addresses(momenta), _sizes(parameters)
    kernels = library(TYPES[parameters[0].dtype])
    kernels.descend(len(parameters), *addresses, lr, momentum, weight_decay, nesterov)


def _addresses(tensors: Sequence[Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(tensors))(*[x.data_ptr() for x in tensors])


def _sizes(tensors: Sequence[Tensor]) -> ctypes.Array[ctypes.c_long]:
    return (ctypes.c_long * len(tensors))(*[x.numel() for x in tensors])

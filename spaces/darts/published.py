"""Weights of quark0/darts' search network (cnn/model_search.py) in this project's supernet, which stacks them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import torch
from torch import Tensor

from spaces.darts.supernet import DartsSupernet

EDGE = re.compile(r"cells\.(\d+)\._ops\.(\d+)\._ops\.(\d+)\.")


def load_published(supernet: DartsSupernet, weights: Iterable[tuple[str, Tensor]]) -> None:
    """Copies (name, weight) pairs in the order and with the names of the public network's `named_parameters()`."""
    taken: Counter[tuple[int, ...]] = Counter()
    with torch.no_grad():
        for name, value in weights:
            if edge := EDGE.match(name):
                cell, place, candidate = key = tuple(map(int, edge.groups()))
                supernet.cells[cell].weights(place, candidate)[taken[key]].copy_(value)
                taken[key] += 1
            else:
                supernet.get_parameter(name.replace(".op.", ".")).copy_(value)

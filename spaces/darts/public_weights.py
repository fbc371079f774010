"""Loads the weights of quark0/darts' search network (cnn/model_search.py) into this project's supernet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import torch
from torch import Tensor

from spaces.darts.supernet import DartsSupernet

EDGE = re.compile(r"cells\.(\d+)\._ops\.(\d+)\._ops\.(\d+)\.")
"""How the public names begin: cell, place, candidate."""


def load_public_weights(supernet: DartsSupernet, weights: Iterable[tuple[str, Tensor]]) -> None:
    """Copies (name, weight) pairs, given with the names and in the order of the public network's `named_parameters()`.
    The supernet stacks the weights of the edges that leave a state, so names differ."""
    taken: Counter[tuple[int, ...]] = Counter()
    with torch.no_grad():
        for name, value in weights:
            if edge := EDGE.match(name):
                cell, place, candidate = key = tuple(map(int, edge.groups()))
                supernet.cells[cell].weights(place, candidate)[taken[key]].copy_(value)
                taken[key] += 1
            else:
                supernet.get_parameter(name.replace(".op.", ".")).copy_(value)

"""Loads the weights of quark0/darts' search network (cnn/model_search.py) into this project's supernet."""

from __future__ import annotations

import re
from collections.abc import Iterable

import torch
from torch import Tensor

from spaces.darts.choices import CANDIDATES
from spaces.darts.supernet import DartsSupernet

EDGE = re.compile(r"\._ops\.(\d+)\._ops\.(\d+)\.")
"""The place and the candidate in a public name."""


def load_public_weights(supernet: DartsSupernet, weights: Iterable[tuple[str, Tensor]]) -> None:
    """Copies (name, weight) pairs with the names of the public network's `named_parameters()`."""
    with torch.no_grad():
        for name, value in weights:
            name = EDGE.sub(lambda edge: f".edges.{edge[1]}.candidates.{CANDIDATES[int(edge[2])]}.", name)
            supernet.get_parameter(name.replace(".op.", ".")).copy_(value)

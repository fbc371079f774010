"""What a search method is, and all that it may see while it searches.

Importing a method imports no torch, so that planning a benchmark of hundreds of jobs stays instant: a method imports
torch, and what it shares with its cousins (`methods/_*.py`), inside `search`.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from protocols.base import Budget
from spaces.base import Arch, Size, Space

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from spaces.parts.network import Supernet


class Run(ABC):
    """One search, as the method sees it. There is no test split here: test accuracy is born in the final training."""

    space: Space
    size: Size  # of the supernet: the protocol's search size for this dataset
    budget: Budget
    rng: random.Random  # for sampling architectures

    @property
    @abstractmethod
    def generator(self) -> torch.Generator:
        """The only source of randomness for tensors. It lives on the CPU."""

    @property
    @abstractmethod
    def device(self) -> torch.device: ...

    @abstractmethod
    def supernet(self) -> Supernet:
        """The space's supernet at `size`, on the device, with fresh weights that depend on the seed alone."""

    @abstractmethod
    def batches(self, split: str, augment: bool = True) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass over a split, "train" or "val", in fresh random order, in batches of `budget.batch`; the last,
        smaller batch is dropped unless it is the only one. Images: float (n, inputs, image, image), normalised."""

    @abstractmethod
    def batch(self, split: str, augment: bool = True) -> tuple[Tensor, Tensor]:
        """One fresh random batch of a split."""

    @abstractmethod
    def steps(self, split: str) -> int:
        """Number of batches in one pass over a split."""

    @abstractmethod
    def epochs(self, **state: Any) -> Iterator[int]:
        """Counts the protocol's search epochs, 0 … budget.epochs - 1, and makes the search resumable.

        `state` names everything that changes while searching (objects with state_dict and load_state_dict: supernet,
        architecture parameters, optimizers). After each epoch it is checkpointed with the generators; a search that was
        killed finds it restored and goes on with the next epoch.
        """

    @abstractmethod
    def log(self, **metrics: float) -> None:
        """Adds numbers to the curve of the current epoch: it becomes part of the record."""

    @abstractmethod
    def evaluate(self, arch: Arch) -> float:
        """Validation accuracy (0 to 1) of an architecture trained from scratch by the protocol's short training.
        At most `budget.evaluations` times a search."""


@dataclass(frozen=True)
class Method(ABC):
    """A search method: its fields are its hyper-parameters, with the paper's values as defaults."""

    def unsupported(self, space: Space) -> str | None:
        """Why this method cannot search this space (one line, shown to the user), or None where it can."""
        return None

    def files(self) -> list[str]:
        """Paths of what the search reads besides the data: their content decides its outcome too."""
        return []

    @abstractmethod
    def search(self, run: Run) -> Arch:
        """The architecture found."""

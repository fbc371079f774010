"""What a search method is, and everything that it can see while it searches.

Every method is an entry of the folder `methods/`: a file `name.py`, or a folder `name/` with an `__init__.py`. The
entry defines the class of the same name in CamelCase (`random_sampling` has `RandomSampling`), a frozen dataclass
derived from `Method`. `base` and `parts` are no entries, nor is a name that begins with `_`. The entry's name is the
method's key in configurations, its folder under results/ and its label in tables. The file's docstring says what the
method does, names the paper, and has a sentence that begins with "Departs from the paper:".

Importing a method must not import torch, so that planning hundreds of jobs stays instant: torch, and the modules of
`methods/parts` that need it, are imported inside `search`.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from protocols.base import Budget, Fidelity
from spaces.base import Arch, Size, Space

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from spaces.parts.network import Network, Supernet

__all__ = ["Method", "Run"]


class Run(ABC):
    """One search, as its method sees it.

    It has the two halves of the training data, "train" and "val", and no test split: test accuracy is measured once, in
    the training that follows the search. A method must draw only from `rng` and `generator`, never from a library's
    global generator.
    """

    space: Space
    size: Size
    """The size of the supernet: the protocol's search size for this dataset."""
    budget: Budget
    rng: random.Random
    """The source of randomness for architectures."""

    @property
    @abstractmethod
    def generator(self) -> torch.Generator:
        """The source of randomness for tensors. It is on the CPU, whatever `device` is."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where the supernet and the batches are."""

    @abstractmethod
    def supernet(self, build: Callable[[Size], Supernet] | None = None) -> Supernet:
        """The space's supernet at `size`, or what `build` makes of this size, on `device`, with fresh weights that
        depend only on the seed. UserError where the space has none."""

    @abstractmethod
    def batches(self, split: str, augment: bool = True) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass over a split in fresh random order, as (images, labels) on `device`.

        split: "train" or "val"; ValueError for another one. Images: float32 (n, inputs, image, image), normalised, with
        the protocol's augmentation unless `augment` is False; labels: int64 (n,). A batch has `budget.batch` images; a
        smaller last one is left out unless it is the only one.
        """

    @abstractmethod
    def batch(self, split: str, augment: bool = True) -> tuple[Tensor, Tensor]:
        """One random batch of a split, drawn from all of its images; otherwise as in `batches`."""

    @abstractmethod
    def steps(self, split: str) -> int:
        """The number of batches in one pass over a split."""

    @abstractmethod
    def epochs(self, **state: Any) -> Iterator[int]:
        """Counts the protocol's search epochs, 0 to budget.epochs - 1, and makes the search resumable.

        `state` names everything that changes during the search: objects with `state_dict` and `load_state_dict`, such
        as the supernet, architecture parameters and optimizers. It is saved after every epoch, together with `rng` and
        `generator`. A search that was killed and started again finds it restored, and goes on with the next epoch.
        """

    @abstractmethod
    def log(self, **metrics: float) -> None:
        """Adds numbers to the current row of the curves, which become part of the record: the row of the epoch or, in a
        search without epochs, of the last evaluation. A number that is not finite ends the search as diverged."""

    @abstractmethod
    def network(self, arch: Arch) -> Network:
        """A fresh stand-alone network of an architecture as evaluations train it, on `device`. Its weights depend on
        the search's seed and the architecture alone."""

    @abstractmethod
    def fidelities(self, axis: str) -> tuple[Fidelity, ...]:
        """What evaluations can be reduced to along one field of `Fidelity`, from the cheapest to the full one, which is
        the last. Trainings offer halves, tables what they hold. ValueError for another axis."""

    @abstractmethod
    def evaluate(self, arch: Arch, fidelity: Fidelity | None = None) -> float:
        """The validation accuracy (0 to 1) of an architecture, after a short training from scratch on the training half
        or from the protocol's table; `fidelity` is the full one unless given.

        The answer depends on the search's seed, the architecture and the fidelity alone. A question that was asked
        before costs nothing. RuntimeError when the budget does not suffice: see `left`.
        """

    @property
    @abstractmethod
    def left(self) -> float:
        """What is left of the budget, in evaluations at full fidelity."""

    @abstractmethod
    def evaluations(self) -> Iterator[int]:
        """Counts turns, 0, 1, 2 …, as long as the budget suffices for one more evaluation at full fidelity, and makes
        the search resumable. It also ends after 1,000 turns in a row without a new question: a space may have no more
        architectures.

        A search that was killed and started again runs from its beginning, with all that it has asked before answered
        from a journal. So nothing has to be named, and nothing can be forgotten.
        """

    @abstractmethod
    def cost(self, metric: str, arch: Arch) -> float:
        """A cost of an architecture at the size at which the protocol trains it: "macs" (multiply-adds for one image),
        "parameters", or a table's column of costs. UserError for another metric."""

    @abstractmethod
    def score(self, proxy: str, arch: Arch) -> float:
        """The score of an architecture by a proxy of the folder `proxies/`, from its fresh network and one batch of the
        training half that is the same for all architectures. Larger is better; NaN where it has none. It costs no
        evaluation; scores are counted. RuntimeError for a proxy that the method's `proxies` does not name."""

    def scores_of(self, proxy: str, archs: Sequence[Arch]) -> list[float]:
        """The scores of architectures that are compared with each other. A proxy that adds up the ranks by others, such
        as az_nas, has scores only so."""
        return [self.score(proxy, arch) for arch in archs]


@dataclass(frozen=True)
class Method(ABC):
    """A search method. Its fields are its hyper-parameters; defaults are the paper's values, and where they are not,
    the comment on the field says `published: …`."""

    def unsupported(self, space: Space) -> str | None:
        """Why this method cannot search a space, in one line that is shown to the user; None where it can. UserError
        where a file that the method reads is missing or wrong."""
        return None

    def files(self) -> list[str]:
        """Paths of the files that the search reads besides the data. Their content is part of the job's fingerprint."""
        return []

    def proxies(self) -> list[str]:
        """Names of the proxies that the search asks for. Their code is part of the job's fingerprint."""
        return []

    @abstractmethod
    def search(self, run: Run) -> Arch:
        """Searches, and returns a valid architecture of `run.space`. The same run gives the same architecture."""

"""Models of the accuracy of architectures, which are one-hot vectors of their decisions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from spaces.base import Arch

if TYPE_CHECKING:
    import torch
    from torch import Tensor

GAMMA, RIDGE = 0.5, 0.1
"""Of the kernel exp(-gamma * decisions that differ), and the regularisation."""


class Model(ABC):
    """Made new for each fit. `seed`: of all that is drawn."""

    def __init__(self, choices: tuple[int, ...], seed: int):
        self.choices, self.seed = choices, seed

    def one_hot(self, archs: Sequence[Arch]) -> np.ndarray:
        """(architectures, sum of options)."""
        starts = np.cumsum((0, *self.choices[:-1]))
        x = np.zeros((len(archs), sum(self.choices)))
        x[np.arange(len(archs))[:, None], np.array(archs) + starts] = 1
        return x

    @abstractmethod
    def fit(self, archs: Sequence[Arch], values: Sequence[float]) -> None: ...

    @abstractmethod
    def predict(self, archs: Sequence[Arch]) -> np.ndarray:
        """A number per architecture; larger is better."""


class KernelRidge(Model):
    """Kernel ridge regression of the values' ranks, whose kernel falls with the number of decisions that differ."""

    def fit(self, archs: Sequence[Arch], values: Sequence[float]) -> None:
        from scipy.stats import rankdata

        self._x, ranks = self.one_hot(archs), rankdata(values)
        self._mean = ranks.mean()
        kernel = self._kernel(self._x) + RIDGE * np.eye(len(archs))
        self._weights = np.linalg.solve(kernel, ranks - self._mean)

    def predict(self, archs: Sequence[Arch]) -> np.ndarray:
        return self._mean + self._kernel(self.one_hot(archs)) @ self._weights

    def _kernel(self, x: np.ndarray) -> np.ndarray:
        return np.exp(-GAMMA * (len(self.choices) - x @ self._x.T))


class Binary(Model):
    """BRP-NAS' relation: an embedding of two layers, and the difference of two embeddings' scores is the logit that the
    first architecture is better. Adam 3.5e-4 (published: AdamW), weight decay 5e-4, cosine over 250 epochs, dropout
    0.2."""

    WIDTH, EPOCHS, LR, DECAY, DROPOUT = 600, 250, 3.5e-4, 5e-4, 0.2

    def fit(self, archs: Sequence[Arch], values: Sequence[float]) -> None:
        import torch
        from torch import nn

        from protocols.parts.optimizers import Adam, cosine, set_lr

        generator = torch.Generator().manual_seed(self.seed)
        x, y = torch.tensor(self.one_hot(archs), dtype=torch.float32), torch.tensor(values, dtype=torch.float32)
        target = torch.sigmoid((y[:, None] - y[None]) / (y.std(correction=0) + 1e-9))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self._layers = nn.ModuleList(
                [nn.Linear(x.shape[1], self.WIDTH), nn.Linear(self.WIDTH, self.WIDTH), nn.Linear(self.WIDTH, 1)]
            )
        optimizer = Adam(self._layers.parameters(), self.LR, weight_decay=self.DECAY)
        for epoch in range(self.EPOCHS):
            set_lr(optimizer, cosine(self.LR, 0.0, epoch, self.EPOCHS))
            score = self._score(x, generator)
            loss = nn.functional.binary_cross_entropy_with_logits(score[:, None] - score[None], target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def _score(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(architectures,); with dropout where a generator is given."""
        import torch

        first, second, last = self._layers
        for layer in (first, second):
            x = layer(x).relu()
            if generator is not None:
                x = x * (torch.rand(x.shape, generator=generator) >= self.DROPOUT) / (1 - self.DROPOUT)
        return last(x).squeeze(1)

    def predict(self, archs: Sequence[Arch]) -> np.ndarray:
        import torch

        with torch.no_grad():
            return self._score(torch.tensor(self.one_hot(archs), dtype=torch.float32)).numpy()


MODELS: dict[str, type[KernelRidge] | type[Binary]] = {"kernel_ridge": KernelRidge, "binary": Binary}

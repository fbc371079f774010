"""Ordinary least squares, so that a model of architectures can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spaces.base import Arch, Space


@dataclass(frozen=True)
class Regression:
    """`coefficients` belong to `names`. `r2`: the share of the variance that the fit explains; `r2_left_out`: of the
    variance of observations that were left out of it, one at a time; None where the others do not determine it."""

    names: tuple[str, ...]
    intercept: float
    coefficients: tuple[float, ...]
    r2: float
    r2_left_out: float | None

    @classmethod
    def of(cls, names: Sequence[str], x: np.ndarray, y: Sequence[float]) -> Regression:
        """x: (n, names), y: (n,). Of all least squares solutions the one with the smallest norm, where x has fewer
        independent columns."""
        values = np.asarray(y, float)
        design = np.column_stack([np.ones(len(values)), x])
        inverse = np.linalg.pinv(design)
        found = inverse @ values
        error = values - design @ found
        leverage = np.einsum("ij,ji->i", design, inverse)
        total = float(((values - values.mean()) ** 2).sum()) or 1.0
        left_out = None
        if leverage.max() < 1 - 1e-9:  # the error of an observation that the fit has not seen is e / (1 - h)
            left_out = 1 - float(((error / (1 - leverage)) ** 2).sum()) / total
        intercept, *coefficients = found.tolist()
        return cls(tuple(names), intercept, tuple(coefficients), 1 - float((error**2).sum()) / total, left_out)


class Options:
    """Architectures as the options of their decisions: 1 for each option but the first of its decision, whose effect
    is part of the intercept."""

    def __init__(self, space: Space):
        self.choices = space.choices
        named = space.candidates if tuple(map(len, space.candidates)) == space.choices else None
        self.names = tuple(
            f"{decision} {named[decision][option] if named else option}"
            for decision, options in enumerate(space.choices)
            for option in range(1, options)
        )

    def __call__(self, archs: Sequence[Arch]) -> np.ndarray:
        """(architectures, names)."""
        columns = [(d, option) for d, options in enumerate(self.choices) for option in range(1, options)]
        return np.array([[float(arch[d] == option) for d, option in columns] for arch in archs])

    def effects(self, regression: Regression) -> list[list[float]]:
        """The coefficient of every option of every decision; 0 for the first."""
        left = iter(regression.coefficients)
        return [[0.0, *(next(left) for _ in range(options - 1))] for options in self.choices]

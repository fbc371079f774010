"""How alike the input gradients of images of one class are (EPE-NAS, Lopes et al., 2021; NASLib,
predictors/utils/pruners): for each class of the batch, s = sum of log(|correlation| + 1e-5) over pairs of its images;
the score is the sum of |s|. NaN where a row is constant.

Departs from the paper: the other rule, for more than 100 classes, is left out: no dataset here has so many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.parts.shared import Shared

if TYPE_CHECKING:
    from proxies.parts.passes import Passes


@dataclass(frozen=True)
class EpeNas(Shared):
    def of(self, passes: Passes) -> float:
        import torch

        rows, labels = passes.jacobian, passes.labels
        groups = [torch.corrcoef(rows[labels == label]) for label in labels.unique()]
        return sum(float((group.abs() + 1e-5).log().sum().abs()) for group in groups)

"""Random sampling: one architecture drawn uniformly from the space; the baseline of every comparison.

Paper: Li and Talwalkar, Random search and reproducibility for neural architecture search (UAI 2019); Yang et al., NAS
evaluation is frustratingly hard (ICLR 2020).
Exact: every valid architecture is as likely (chi-square tests over decisions and over whole small spaces).
Departs from the paper: uniform over the declared space; the random recipe published for ENAS lets every block read the
two cell inputs only, a much poorer space (antoyang/NAS-Benchmark, ENASTF/README.md).
"""

from __future__ import annotations

from dataclasses import dataclass

from methods.base import Method, Run
from spaces.base import Arch


@dataclass(frozen=True)
class RandomSampling(Method):
    """Sees no data and trains nothing."""

    def search(self, run: Run) -> Arch:
        return run.space.sample(run.rng)

"""Random sampling: one architecture drawn uniformly from the space; the baseline of every comparison.

Paper: Li and Talwalkar, Random search and reproducibility for neural architecture search (UAI 2019); Yang et al., NAS
evaluation is frustratingly hard (ICLR 2020).

Exact: every valid architecture is equally likely (chi-square tests over decisions and over whole small spaces).

Departs from the paper: sampling is uniform over the declared space. The random architectures published for ENAS have
blocks that read the two cell inputs only, which is a much smaller space (antoyang/NAS-Benchmark, ENASTF/README.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from methods.base import Method, Run
from spaces.base import Arch


@dataclass(frozen=True)
class RandomSampling(Method):
    """Uses no data and trains nothing, but to log the scores that the study of proxies asks for."""

    scores: tuple[str, ...] = ()  # published: none. Proxies whose scores are logged; they decide nothing

    def proxies(self) -> list[str]:
        return list(self.scores)

    def search(self, run: Run) -> Arch:
        arch = run.space.sample(run.rng)
        for name in self.scores:
            score = run.score(name, arch)
            if math.isfinite(score):
                run.log(**{f"score {name}": score})
        return arch

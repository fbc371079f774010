"""Random sampling is uniform over the declared space."""

import random
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import pytest
from scipy.stats import chisquare

from harness.plan import registry
from methods.random_sampling import RandomSampling
from spaces.base import Size, Space
from spaces.darts.space import Darts
from spaces.enas.space import Enas
from spaces.fbnet.space import Fbnet
from spaces.single_path.space import SinglePath
from spaces.single_path_se.space import SinglePathSe


class Draws:
    """The part of a run that random sampling can use."""

    def __init__(self, space, seed):
        self.space, self.rng = space, random.Random(seed)


@dataclass(frozen=True)
class Tiny(Space):
    """2 x 3 x 4 combinations, of which those with an odd sum are valid: 12 architectures."""

    choices: ClassVar = (2, 3, 4)
    published: ClassVar = Size(1, 1, 2, 8)

    def valid(self, arch):
        return super().valid(arch) and sum(arch) % 2 == 1

    decode = encode = write = read = network = None


def draws(space, n, seed=0):
    run = Draws(space, seed)
    return [RandomSampling().search(run) for _ in range(n)]


def test_every_decision_of_darts_is_uniform():
    archs = draws(Darts(), 4000)
    pvalues = []
    for i, options in enumerate(Darts.choices):
        counts = Counter(arch[i] for arch in archs)
        if options > 1:
            pvalues.append(chisquare([counts[option] for option in range(options)]).pvalue)
    assert min(pvalues) > 1e-3 / len(pvalues)
    assert max(pvalues) < 1 - 1e-6  # too even would not be random


def test_pairs_of_decisions_of_darts_are_independent():
    archs = draws(Darts(), 5000)
    counts = Counter((arch[1], arch[2]) for arch in archs)
    assert chisquare([counts[a, b] for a in range(7) for b in range(7)]).pvalue > 1e-4


@pytest.mark.parametrize("name", [name for name in registry.names("spaces") if name != "darts"])
def test_decisions_of_the_other_spaces_are_uniform_and_independent_of_the_next(name):
    space = registry.space(name)
    archs, pvalues = draws(space, 3000, seed=1), []
    for i, options in enumerate(space.choices):
        if options == 1:
            continue
        counts = Counter(arch[i] for arch in archs)
        pvalues.append(chisquare([counts[a] for a in range(options)]).pvalue)
        if i:
            pairs = Counter((arch[i - 1], arch[i]) for arch in archs)
            cells = [pairs[a, b] for a in range(space.choices[i - 1]) for b in range(options)]
            pvalues.append(chisquare(cells).pvalue)
    assert min(pvalues) > 1e-3 / len(pvalues)
    assert max(pvalues) < 1 - 1e-6


@pytest.mark.parametrize("space", [SinglePath(), SinglePathSe(), Fbnet(), Enas(), Darts()])
def test_every_architecture_of_a_part_of_a_space_is_equally_likely(space, monkeypatch):
    """The part: as many first decisions as give at most 200 architectures, with all others fixed."""
    kept = max(n for n in range(1, len(space.choices)) if prod(space.choices[:n]) <= 200)
    part = space.choices[:kept] + (1,) * (len(space.choices) - kept)
    monkeypatch.setattr(type(space), "choices", part)
    counts = Counter(draws(space, 40 * prod(part), seed=2))
    assert len(counts) == prod(part)
    assert chisquare(list(counts.values())).pvalue > 1e-4


def test_every_architecture_of_a_tiny_space_is_equally_likely():
    counts = Counter(draws(Tiny(), 6000))
    assert len(counts) == 12
    assert chisquare(list(counts.values())).pvalue > 1e-4


def test_same_seed_same_architecture():
    assert draws(Darts(), 3, seed=5) == draws(Darts(), 3, seed=5) != draws(Darts(), 3, seed=6)


@pytest.mark.parametrize("module", ["methods.random_sampling, spaces.darts", "methods.darts, spaces.darts"])
def test_importing_needs_no_torch(module):
    subprocess.run([sys.executable, "-c", f"import sys, {module}; assert 'torch' not in sys.modules"], check=True)

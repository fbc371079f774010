"""Wrong forms of searches in public codes: ours keeps a property, and the wrong form, put in its place, breaks it.

Other wrong forms are held by the tests of the method or the part that they would stand in.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from scipy.stats import chisquare

from harness.running.search_run import SearchRun
from methods.darts import Darts
from methods.parts import paths
from methods.parts.bilevel import weight_step
from methods.parts.descent import Descent
from methods.parts.stages import with_few_skips
from methods.spos import Spos
from protocols.base import Budget
from spaces.base import Size, UserError
from spaces.darts.choices import CANDIDATES, CELLS
from spaces.darts.space import Darts as DartsSpace
from spaces.enas.space import Enas as EnasSpace
from spaces.parts.cell_choices import CellChoices
from spaces.parts.genotype import Genotype
from spaces.parts.mixed_cells import CellSupernet
from tests.methods.planted import asked, table
from tests.reference.run import TinyRun, random_images
from tests.reference.toy import Toy, toy_run

SIZE = Size(channels=2, cells=3, classes=4, image=8, inputs=1, auxiliary=True)
SEP3, SEP5, SKIP = (CANDIDATES.index(name) for name in ("sep_conv_3x3", "sep_conv_5x5", "skip_connect"))


def seeded(make):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


# The search of DARTS


def draws_validation_anew():
    """Whether some validation image is used twice in an epoch of three batches of a third of all."""
    used = []

    class Watched(Darts):
        def _gradient(self, *given):
            used.append(given[-1][0])
            return super()._gradient(*given)

    Watched().search(toy_run(epochs=1))
    images = torch.cat(used).flatten(1)
    assert len(images) == 24
    return len(images.unique(dim=0)) < 24


def test_validation_batches_are_fresh_and_no_second_pass(monkeypatch):
    """NAS-Benchmark zips the loaders of both halves."""
    assert draws_validation_anew()

    def zipped(self, run, lr, architecture=True, epoch=Descent.epoch):
        halves = run.batches("val")
        run.batch = lambda split: next(halves)
        return epoch(self, run, lr, architecture)

    monkeypatch.setattr(Descent, "epoch", zipped)
    assert not draws_validation_anew()


def judges_before_the_weights_move():
    """Whether the architecture of a search's first step is judged with the weights that the search begins with."""
    run = toy_run(epochs=1, images=8)
    Darts(lr=1.0).search(run)
    net, (images, labels) = toy_run(images=8).supernet(), run.splits["val"]
    start = F.cross_entropy(net(images, [torch.full((n,), 1 / n).double() for n in net.shape]), labels)
    return run.curve[0]["val_loss"] == pytest.approx(start.item(), abs=1e-3)


def test_darts_moves_the_architecture_before_the_weights(monkeypatch):
    """As in its public code; the other order is that of GDAS."""
    assert judges_before_the_weights_move()

    def reversed_step(self, run, batch, architecture):
        trained = weight_step(self.supernet, self.weights, self.alphas.mix(), batch, self.clip)
        before = self._architecture_step(batch, run.batch("val"))
        return dict(zip(("train_loss", "train_accuracy", "val_loss", "val_accuracy"), (*trained, *before)))

    monkeypatch.setattr(Descent, "_step", reversed_step)
    assert not judges_before_the_weights_move()


def inputs_of_the_second_node():
    """Of the normal cell that a search derives when the edge from input 0 has large logits that hardly differ, and the
    others have smaller ones that leave no doubt."""
    run = TinyRun(DartsSpace(), Size(2, 1, 3, 4), Budget(1, batch=8), random_images(Size(2, 1, 3, 4), 8))
    log = run.log

    def decided(**metrics):
        log(**metrics)
        (logits,) = run.state["alphas"].parameters()
        logits.data[2:5] = -5.0
        logits.data[2], logits.data[3:5, SEP3] = 3.0, 2.0

    run.log = decided
    genotype = run.space.decode(Darts(lr=0.0, lr_min=0.0).search(run))
    return {source for _, source in genotype.normal[2:4]}


def test_edges_are_ranked_by_softmax_and_not_by_raw_parameters(monkeypatch):
    """NNI's export ranks by the raw ones."""
    assert inputs_of_the_second_node() == {1, 2}

    def raw(self, mix, derive=CellSupernet.derive):
        shifted = torch.tensor([0.0, 0.0, 3.0, 2.0, 2.0] + 23 * [0.0])  # what the softmax has taken away: its maximum
        return derive(self, [row / row.max() * shift.exp() for row, shift in zip(mix, shifted)])

    monkeypatch.setattr(CellSupernet, "derive", raw)
    assert 0 in inputs_of_the_second_node()


# Derivations


def derives_an_architecture():
    """Whether a node whose two heaviest candidates are on one edge still gets two inputs, as every architecture has."""
    mix = [torch.full((8,), 0.1) for _ in range(28)]
    mix[2] = torch.zeros(8).index_put((torch.tensor([SEP3, SEP5]),), torch.tensor([0.5, 0.4]))
    supernet = seeded(lambda: DartsSpace().supernet(Size(2, 1, 3, 4)))
    try:
        return DartsSpace().valid(supernet.derive(mix))
    except UserError:
        return False


def test_a_node_has_two_inputs(monkeypatch):
    """GDAS in AutoDL-Projects ranks pairs of operation and input: a node can read one input twice (its issue 87)."""
    assert derives_an_architecture()

    def pairs_of_all(self, candidates, rows):
        found = []
        for node in range(self.nodes):
            edges = [(s, *each) for (to, s), *each in zip(self.edges, candidates, rows) if to == node]
            ranked = sorted(((w, name, s) for s, names, row in edges for name, w in zip(names, row)), reverse=True)
            found += [(name, s) for _, name, s in ranked if name != "none"][:2]
        return tuple(found)

    monkeypatch.setattr(CellChoices, "_heaviest", pairs_of_all)
    assert not derives_an_architecture()


def keeps_two_skips(rule):
    """Whether a rule leaves at most two skip connections where all weights prefer them."""
    row = [0.02] * 8
    row[SKIP], row[SEP3] = 0.6, 0.28
    genotype = rule(CELLS, [row] * 28, 2)
    return sum(name == "skip_connect" for name, _ in genotype.normal) <= 2


def test_a_skip_connection_that_is_taken_away_does_not_come_back():
    """NAS-Benchmark sets its raw parameter to 0: where the others are negative, that makes it the heaviest."""

    def raw_zero(cells: CellChoices, rows, most: int) -> Genotype:
        logits = torch.tensor(rows).log()
        for _ in range(len(cells.edges)):
            genotype = cells.derive(logits.softmax(1).tolist())
            skips = [place for place, k in cells.places(genotype)[:8] if k == SKIP]
            if len(skips) <= most:
                break
            logits[min(skips, key=lambda place: logits[place, SKIP]), SKIP] = 0.0
        return genotype

    assert keeps_two_skips(with_few_skips) and not keeps_two_skips(raw_zero)


# Sampling


def paths_are_uniform():
    """Whether the training of SPOS takes each of the toy's 24 architectures equally often."""
    run = toy_run(epochs=160)
    Spos(population=2, generations=1, lr=1e-3).search(run)
    taken = [candidate for (candidate,) in run.net.used[: 3 * 480]]  # of three places in each step of the training
    counts = Counter(zip(*[iter(taken)] * 3))
    return chisquare([counts[arch] for arch in itertools.product(*map(range, Toy().choices))]).pvalue > 1e-4


def test_spos_trains_uniform_paths(monkeypatch):
    """Its public code draws a bin of the cost first, then an architecture within it: rare costs become frequent."""
    assert paths_are_uniform()

    def binned(run):
        while True:
            cost = run.rng.randrange(7)
            yield next(arch for arch in iter(lambda: run.space.sample(run.rng), None) if sum(arch) == cost)

    monkeypatch.setattr(paths, "random_archs", binned)
    assert not paths_are_uniform()


def blocks_read_all_states(space):
    """Whether the last node of an ENAS cell reads each of its six states equally often."""
    rng = random.Random(0)
    counts = Counter(space.sample(rng)[16] for _ in range(1200))
    return chisquare([counts[state] for state in range(6)]).pvalue > 1e-4


def test_random_enas_architectures_read_all_states():
    """NAS-Benchmark's recipe has every block read the cell's inputs alone, so that its random search is in a poorer
    space."""

    class Degenerate(EnasSpace):
        def sample(self, rng):
            arch = super().sample(rng)
            return tuple(rng.randrange(2) if k % 2 == 0 else option for k, option in enumerate(arch))

    assert blocks_read_all_states(EnasSpace()) and not blocks_read_all_states(Degenerate())


def stays_within_the_budget(run):
    made = run("aging_evolution", population=4, tournament=2, evaluations=12)
    try:
        made.method.search(made)
    except RuntimeError as refused:
        return "more than the 12 evaluations" not in str(refused)
    return len(asked(made)) == 12


def test_a_search_asks_no_question_too_many(tmp_path, monkeypatch):
    """naszilla's loops go on while `query <= total`, one evaluation further than they say."""
    run = table(tmp_path, (4, 4, 4), lambda arch, _: sum(arch) / 10)
    assert stays_within_the_budget(run)
    monkeypatch.setattr(SearchRun, "evaluations", lambda self: itertools.takewhile(lambda _: self.left >= 0, range(99)))
    assert not stays_within_the_budget(run)

"""What every space, method and protocol must keep, found by listing the folders: a new file is tested by being
there."""

import copy
import json
import random
from collections import Counter
from dataclasses import replace

import pytest
import torch
from scipy.stats import chisquare
from torch.utils.flop_counter import FlopCounterMode

from harness.plan import datasets, registry
from harness.plan.jobs import Search
from harness.running.checkpoint import Checkpoint
from harness.running.clock import Clock
from harness.running.counts import describe, describe_supernet
from harness.running.search_run import SearchRun
from protocols.datasets import Split
from protocols.datasets.parts.store import prepare
from spaces.base import Size, UserError

SMALL = Size(channels=4, cells=3, classes=5, image=8, inputs=1, auxiliary=True)
SPACES = registry.names("spaces")
QUICK = {  # what takes long as published, and what begins after more evaluations than there are here
    "autoshrink": {"samples": 1},
    "bananas": {"first": 3, "batch": 1},
    "enas": {"controller_steps": 2, "samples": 2},
    "fox_nas": {"patience": 100},
    "nao": {"epochs": 20},
    "nsga_net": {"population": 2, "offspring": 1},
    "robust_darts": {"products": 2},
    "spos": {"population": 4, "generations": 2, "parents": 2, "mutants": 1, "crossovers": 1},
}
METHODS = registry.names("methods")


def supported(method):
    """Spaces that a method can search, the quickest first."""
    order = sorted(SPACES, key=lambda name: (name != "nasbench201", name != "darts_s1", name))
    return [name for name in order if registry.method(method).unsupported(registry.space(name)) is None]


# Every method in two spaces, and in all of them DARTS, which asks most of a supernet.
PAIRS = [
    (method, space)
    for method in METHODS
    for space in supported(method)
    if method == "darts" or space in (supported(method)[0], supported(method)[-1])
]


def samples(space, n, seed=0):
    rng = random.Random(seed)
    return [space.sample(rng) for _ in range(n)]


def fresh(make):
    """Builds a module without touching the global random state."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


@pytest.mark.parametrize("name", SPACES)
def test_texts_round_trip(name):
    space = registry.space(name)
    for arch in samples(space, 30):
        text = space.text(arch)
        assert "\n" not in text
        assert space.parse(text) == arch
        assert space.write(space.read(text)) == text


@pytest.mark.parametrize("name", SPACES)
def test_bad_texts_are_refused_in_one_line(name):
    space = registry.space(name)
    text = space.text(samples(space, 1)[0])
    for bad in (
        "",
        "nonsense",
        text[: len(text) // 2],
        text.replace("3", "33") if "3" in text else text + "3",
        "__import__('os')",
        "[1, 2",
        "{}",
        "null",
    ):
        with pytest.raises(UserError) as caught:
            space.parse(bad)
        assert "\n" not in str(caught.value)
        assert str(caught.value)


@pytest.mark.parametrize("name", SPACES)
def test_neighbours_and_mutations_differ_in_one_decision(name):
    space, rng = registry.space(name), random.Random(1)
    for arch in samples(space, 3):
        near = list(space.neighbours(arch))
        assert len(near) == len(set(near)) == sum(options - 1 for options in space.choices)
        for other in [*near[:50], *(space.mutate(arch, rng) for _ in range(50))]:
            assert space.valid(other)
            assert sum(a != b for a, b in zip(arch, other)) == 1


@pytest.mark.parametrize("name", SPACES)
def test_sampling_is_uniform_over_every_decision(name):
    space = registry.space(name)
    archs = samples(space, 3000)
    assert all(space.valid(arch) for arch in archs)
    for i, options in enumerate(space.choices):
        counts = Counter(arch[i] for arch in archs)
        assert chisquare([counts[option] for option in range(options)]).pvalue > 1e-5 or options == 1


@pytest.mark.parametrize("name", SPACES)
def test_networks_compute_what_the_contract_says(name):
    space = registry.space(name)
    x = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for arch in samples(space, 3):
        network = fresh(lambda arch=arch: space.build(arch, SMALL))
        logits, auxiliary = network.train()(x)
        assert logits.shape == auxiliary.shape == (4, 5)
        logits, auxiliary = network.eval()(x)
        assert logits.shape == (4, 5)
        assert auxiliary is None
        assert torch.isfinite(logits).all()
        assert fresh(lambda arch=arch: space.build(arch, replace(SMALL, auxiliary=False))).train()(x)[1] is None


@pytest.mark.parametrize("name", SPACES)
def test_describing_counts_the_built_network(name):
    space = registry.space(name)
    for arch in samples(space, 2, seed=5):
        network = fresh(lambda arch=arch: space.build(arch, SMALL))
        counts = describe(space, space.decode(arch), SMALL)
        assert counts["parameters"] == sum(p.numel() for p in network.parameters())
        assert counts["auxiliary_parameters"] == sum(p.numel() for p in network.auxiliary.parameters())
        network.to("meta")  # where every layer is torch's own
        for training, expected in ((False, counts["macs"]), (True, counts["macs"] + counts["auxiliary_macs"])):
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                network.train(training)(torch.zeros(2, 1, 8, 8, device="meta"))
            assert counter.get_total_flops() // 2 // 2 == expected


@pytest.mark.parametrize("name", SPACES)
def test_supernet_on_a_path_is_the_network_with_its_weights(name):
    space = registry.space(name)
    x = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    supernet = fresh(lambda: space.supernet(replace(SMALL, auxiliary=False))).double()
    for arch in samples(space, 3):
        mix = [weights.double() for weights in supernet.path(arch)]
        assert tuple(len(weights) for weights in mix) == supernet.shape
        logits = copy.deepcopy(supernet)(x, mix)  # a copy: noise goes on with every call
        torch.testing.assert_close(logits, supernet.inherit(arch)(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", SPACES)
def test_supernets_are_described(name):
    space, size = registry.space(name), replace(SMALL, auxiliary=False)
    counts, supernet = describe_supernet(space, size), fresh(lambda: space.supernet(size))
    assert counts["parameters"] == sum(p.numel() for p in supernet.parameters())
    assert counts["places"] == list(supernet.shape)
    assert not space.candidates or tuple(map(len, space.candidates)) == supernet.shape
    smallest = min(describe(space, space.decode(arch), size)["macs"] for arch in samples(space, 2))
    assert counts["macs"] > smallest


@pytest.mark.parametrize("name", SPACES)
def test_deriving_a_path_gives_its_architecture(name):
    space = registry.space(name)
    supernet = fresh(lambda: space.supernet(replace(SMALL, auxiliary=False)))
    for arch in samples(space, 3):
        assert space.valid(supernet.derive(supernet.path(arch)))
        if supernet.shape == space.choices:
            assert supernet.derive(supernet.path(arch)) == arch


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "digits-8"
    prepare(datasets.named("digits"), 8, folder)
    return folder


class Watched(SearchRun):
    """A real run that fails when anything asks for other data than the search's halves."""

    def _half(self, split):
        assert split in ("train", "val")
        return super()._half(split)


def a_run(method, space, folder, checkpoint):
    """On 96 images a half. Whoever touches the test split falls over."""
    job = Search("smoke", "digits", space, method, 0, registry.parameters(method, QUICK.get(method, {})))
    run = Watched(
        job, registry.space(space), folder, lambda kind: Checkpoint(checkpoint.with_suffix(f".{kind}"), ""), Clock()
    )
    if method != "random_sampling":  # which must not load data, nor torch
        halves = {name: Split(*(part[:96] for part in getattr(run.data, name))) for name in ("train", "val")}
        run.data = replace(run.data, **halves, test=None)
    return run


@pytest.mark.parametrize(("method", "space"), PAIRS)
def test_searches(method, space, digits, tmp_path):
    """Valid, without the test split, without the global generators."""
    state, python_state = torch.get_rng_state(), random.getstate()
    run = a_run(method, space, digits, tmp_path / "whole")
    arch = run.method.search(run)
    assert torch.equal(torch.get_rng_state(), state)
    assert random.getstate() == python_state
    assert registry.space(space).valid(arch)
    outcome = run.outcome()
    json.dumps(outcome, allow_nan=False)
    if method == "random_sampling":
        return
    assert outcome["result"]["images"] > 0
    if "evaluations" not in outcome["result"]:
        assert outcome["curves"]["epoch"] == list(range(run.budget.epochs))
        assert len(outcome["curves"]) >= 3


@pytest.mark.parametrize("method", METHODS)
def test_the_same_search_finds_the_same(method, digits, tmp_path):
    """Searched twice with one seed; the second time it is killed in the middle and started again."""
    if not supported(method):
        pytest.skip(registry.method(method).unsupported(registry.space("nasbench201")))
    space = supported(method)[0]
    run = a_run(method, space, digits, tmp_path / "whole")
    arch = run.method.search(run)
    first = a_run(method, space, digits, tmp_path / "cut")
    cut_after(first, 1 if "evaluations" not in run.outcome()["result"] else 2)
    if method == "random_sampling":  # nothing to cut: it trains and asks nothing
        assert first.method.search(first) == arch
        return
    with pytest.raises(Cut):
        first.method.search(first)
    second = a_run(method, space, digits, tmp_path / "cut")
    assert second.method.search(second) == arch
    assert second.outcome() == run.outcome()


class Cut(Exception):
    pass


def cut_after(run, rows):
    """The search ends as if killed when it logs, or asks, in a row of the curves after these."""
    log, evaluate = run.log, run.evaluate

    def logs(**metrics):
        if run._row >= rows:
            raise Cut
        log(**metrics)

    def evaluates(*question):
        if run._row >= rows:
            raise Cut
        return evaluate(*question)

    run.log, run.evaluate = logs, evaluates

"""Searches on the real table of NAS-Bench-201 give what was published for it: pytest -m slow."""

from dataclasses import replace

import numpy as np
import pytest

from harness.plan import datasets, registry
from harness.plan.jobs import Search
from harness.running.clock import Clock
from harness.running.search_run import SearchRun
from protocols.tables.base import Table
from protocols.tables.parts.importing import import_table
from tests.protocols.tables.sources import DATA, real

pytestmark = [pytest.mark.slow, real]
SPACE = registry.space("nasbench201")
EVOLUTION = {"population": 10, "tournament": 3}
WARMUP, MOVE = {"pool": 3000}, {"random": 0.25}
PUBLISHED = {  # mean test accuracy on CIFAR-10 after 200 epochs, of 100 evaluations by validation after 12 epochs
    "random search": ("random_search", {}, 93.73),
    "aging evolution": ("aging_evolution", EVOLUTION, 93.92),
    "reinforce": ("reinforce", {}, 93.8),
    "random search, warm-up by flops": ("random_search", {"warmup": {"proxy": "flops", **WARMUP}}, 94.26),
    "random search, warm-up by synflow": ("random_search", {"warmup": {"proxy": "synflow", **WARMUP}}, 94.19),
    "evolution, moves by synflow": ("aging_evolution", {**EVOLUTION, "move": {"proxy": "synflow", **MOVE}}, 94.36),
}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nasbench201")
    sources = [DATA / "nb201/accuracies.csv.xz", DATA / "nb201/zero_cost_suite.csv.xz"]
    import_table(sources, folder / "table")
    name = f"table:{folder / 'table'}#cifar10"
    datasets.prepare(datasets.named(name), 1, folder / "prepared", folder)
    return name, folder / "prepared"


@pytest.mark.parametrize(("method", "fields", "published"), PUBLISHED.values(), ids=PUBLISHED.keys())
def test_a_published_mean_is_met(table, method, fields, published):
    name, folder = table
    known, found = Table.read(folder), []
    for seed in range(40):
        job = Search("lookup", name, "nasbench201", method, seed, registry.parameters(method, fields))
        run = SearchRun(job, SPACE, folder, None, Clock())
        run.budget = replace(run.budget, evaluations=100)
        found.append(100 * known.test(SPACE.text(run.method.search(run)), "cifar10"))
    assert np.mean(found) == pytest.approx(published, abs=0.2)

"""Measuring by a table: answers to a search's questions, and the test accuracy of what it found. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from harness.plan import registry
from harness.plan.jobs import Search, Training
from harness.plan.seeds import seed_of
from harness.running.evaluations import Answer
from protocols.base import Fidelity, Lookup
from protocols.tables.base import Table
from protocols.tables.parts.random_search import random_search, steps
from spaces.base import Arch, Space, UserError

table = cache(Table.read)
"""A table is read once by a process that answers many searches."""


class Lookups:
    """Answers from a table. `folder`: the prepared dataset."""

    def __init__(self, job: Search, space: Space, folder: Path):
        self.job, self.space, self.table = job, space, table(folder)
        self.dataset = job.dataset.rpartition("#")[2]
        if job.space != self.table.space and space != registry.space(self.table.space):
            raise UserError(f"table {job.dataset} is of space {self.table.space}, not of {job.space}: search that one")
        budget = job.setting.budget
        self.full = Fidelity(budget.evaluation_epochs or self.table.fidelities(self.dataset)[-1])

    def fidelities(self, axis: str) -> tuple[Fidelity, ...]:
        """Those of the table, up to the full one. Tables have trainings of several lengths, and no other reductions."""
        if axis != "epochs":
            return (self.full,)
        known = self.table.fidelities(self.dataset)
        return tuple(replace(self.full, epochs=epochs) for epochs in known if epochs <= self.full.epochs)

    def reduced(self, reduction: Mapping[str, float]) -> Fidelity:
        """The longest training of the table that is reduced so far. UserError where it would be reduced otherwise."""
        if other := set(reduction) - {"epochs"}:
            raise UserError(f"table {self.job.dataset} has no trainings with fewer {' or '.join(sorted(other))}")
        known = self.fidelities("epochs")
        short = [each for each in known if each.epochs <= self.full.epochs * reduction["epochs"]]
        return short[-1] if short else known[0]

    def __call__(self, arch: Arch, fidelity: Fidelity) -> Answer:
        text = self.space.text(arch)
        found = self.table.validation(text, self.dataset, fidelity.epochs, self._run(text, fidelity.epochs))
        return Answer(found.accuracy, seconds=found.seconds or 0.0)

    def _run(self, text: str, epochs: int) -> int | None:
        """The number of the run that the search is told of; None for the mean."""
        recipe = self.job.setting.recipe
        if not isinstance(recipe, Lookup) or recipe.runs == "mean":
            return None
        runs = self.table.seeds(text, self.dataset, epochs)
        return runs[seed_of(**self.job.key, purpose="run", arch=text) % len(runs)] if runs else None

    def cost(self, metric: str, arch: Arch) -> float:
        """A column of costs; multiply-adds and parameters also where the space can add them up."""
        costs = self.table.costs(self.space.text(arch), self.dataset)
        if metric in costs:
            return costs[metric]
        if metric in ("macs", "parameters"):
            constant, rows = _additive(self.job.space, metric)
            return constant + sum(row[option] for row, option in zip(rows, arch))
        raise UserError(f"table {self.job.dataset} has no cost {metric!r}: it has {', '.join(costs) or 'none'}")

    def score(self, proxy: str, arch: Arch) -> float:
        """Scores that a table has are columns `proxy_NAME`; those that count come from the space. NaN is a gap."""
        counts = {"params": "parameters", "flops": "macs"}
        if proxy in counts:
            return self.cost(counts[proxy], arch)
        if f"proxy_{proxy}" not in self.table.cost_columns(self.dataset):
            raise UserError(f"table {self.job.dataset} has no column proxy_{proxy}: use params or flops, or import it")
        return self.table.costs(self.space.text(arch), self.dataset).get(f"proxy_{proxy}", float("nan"))


@cache
def _additive(name: str, metric: str) -> tuple[float, list[list[float]]]:
    space = registry.space(name)
    return space.costs(space.published, metric)


@cache
def _references(folder: Path, dataset: str, evaluations: int) -> dict[str, Any]:
    """What a search can be compared with: the test accuracy of the table's optimum, and the exact expectation of random
    search by the number of its evaluations. Where the table has single runs, it is that of searches told their mean."""
    known = table(folder)
    rows = known.drawn()
    validation, test = known.values(dataset)[rows], known.values(dataset, "test")[rows]
    there = ~(validation != validation) & ~(test != test)
    counts = [n for n in steps(evaluations) if n <= there.sum()]
    expected = {str(n): random_search(validation[there], test[there], n)[0] for n in counts}
    return {"optimum": known.optimum(dataset)[1], "random_search": expected}


def _judged(job: Training, known: Table, text: str, dataset: str) -> float:
    """The test accuracy. RuntimeError, which makes a record that says so, where the table has no run of this repeat."""
    recipe = job.setting.recipe
    assert isinstance(recipe, Lookup)
    epochs = recipe.epochs or None
    if recipe.judged == "mean":
        return known.test(text, dataset, epochs)
    try:
        return known.test(text, dataset, epochs, job.repeat)
    except UserError as error:
        raise RuntimeError(str(error)) from None


def look_up(job: Training, found: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The record's fields arch, result, curves of what a search found. `found`: the search's record. The test accuracy
    of each of its incumbents stands beside it, and (test accuracy, multiply-adds) of each of its front, which the
    search never sees."""
    known, space = table(folder), registry.space(job.search.space)
    dataset = job.search.dataset.rpartition("#")[2]
    lookups = Lookups(job.search, space, folder)
    result: dict[str, Any] = {"test_accuracy": _judged(job, known, found["arch"], dataset), "images": 0}
    for metric in ("parameters", "macs"):
        try:
            result[metric] = lookups.cost(metric, space.parse(found["arch"]))
        except UserError:  # the table does not know it, and the space cannot say
            continue
    if known.warning:
        result["validation"] = "test"  # what the search was told: every caption says so
    if incumbents := found["result"].get("incumbents"):
        result["incumbents"] = [known.test(text, dataset) for text in incumbents]
        result |= _references(folder, dataset, job.setting.budget.evaluations)
    if beaten_by_none := found["result"].get("front"):
        costs = [lookups.cost("macs", space.parse(text)) for text in beaten_by_none]
        result["front"] = [[known.test(text, dataset), macs] for text, macs in zip(beaten_by_none, costs)]
    return {"arch": found["arch"], "result": result, "curves": {}}

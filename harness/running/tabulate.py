"""Makes a table of a space: every architecture, trained as the short trainings of a protocol train it. What the table
answers is what a search with that seed would have been told without it, and the test accuracy of the same network."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from harness.plan import fingerprints, registry
from harness.plan.fingerprints import hash_of
from harness.records import sums
from harness.running.counts import describe
from harness.running.curves import Diverged
from harness.running.inputs import device
from harness.running.short_training import ShortTraining
from harness.running.tabulation import Plan
from harness.running.trained import Rows, Trained
from protocols.base import Fidelity
from protocols.datasets import Data, load
from protocols.tables.base import Table
from protocols.tables.parts.format import Imported
from protocols.tables.parts.importing import keep
from spaces.base import Arch
from spaces.parts.network import Network

if TYPE_CHECKING:
    import pandas as pd


def make(plan: Plan, data: Path, into: Path, journal: Path, hours: float | None, say: Callable[[str], None]) -> Table:
    """Trains what the journal does not have yet, and writes the folder `into`. hours: after so many the table is
    written with what there is. `say` is told how far it is."""
    maker = Maker(plan, load(data))
    with Trained(journal, maker.identity(), maker.code()) as known:
        known.confirm(maker.train)
        questions = plan.questions(maker.space)
        end = time.monotonic() + 3600 * (math.inf if hours is None else hours)
        done = sum(maker.key(*each) in known.rows for each in questions)
        for question in questions:
            if time.monotonic() > end:
                break
            if (key := maker.key(*question)) not in known.rows:
                known.add(key, maker.train(*key))
                done += 1
                if done % 100 == 0:
                    say(f"{done:,} of {len(questions):,} trainings")
        found = [maker.key(*each) for each in questions if maker.key(*each) in known.rows]
        return maker.write({key: known.rows[key] for key in found}, into)


class Repeated(ShortTraining):
    """Short trainings that build the network of an architecture once, and set it back to its first weights for the next
    fidelity."""

    @cached_property
    def _last(self) -> dict[Arch, tuple[Network, dict[str, Any]]]:
        return {}

    def network(self, arch: Arch, fidelity: Fidelity) -> Network:
        if arch not in self._last:
            self._last.clear()
            built = super().network(arch, fidelity)
            self._last[arch] = built, {name: value.clone() for name, value in built.state_dict().items()}
        network, first = self._last[arch]
        network.load_state_dict(first)
        return network


class Maker:
    """Trains architectures of one plan and writes what came out."""

    def __init__(self, plan: Plan, data: Data):
        self.plan, self.data, self.space = plan, data, registry.space(plan.space)
        self._trainings = [Repeated(plan.job(seed), self.space, data, device()) for seed in range(plan.seeds)]
        self.size = replace(self._trainings[0].size(Fidelity(1)), auxiliary=False)

    def identity(self) -> str:
        """A hash of what decides the numbers besides the code."""
        specification = self.plan.job(0).specification()
        del specification["code"], specification["method"], specification["parameters"]
        return hash_of({**specification, "data": self.data.sha256})

    def code(self) -> str:
        """A hash of the code and the library that compute."""
        modules = fingerprints.modules("harness.running.short_training", f"spaces.{self.plan.space}")
        return hash_of([modules, torch.__version__])[:12]

    def key(self, arch: Arch, seed: int) -> tuple[str, int]:
        return self.space.text(arch), seed

    def train(self, text: str, seed: int) -> Rows:
        """(epochs, validation accuracy, test accuracy) at each fidelity; no accuracies where a training diverges."""
        training, arch = self._trainings[seed], self.space.parse(text)
        return [self._row(training, arch, fidelity) for fidelity in training.fidelities("epochs")]

    def _row(self, training: ShortTraining, arch: Arch, fidelity: Fidelity) -> tuple[int, float | None, float | None]:
        try:
            with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # epochs of thousands of trainings
                trainer, _ = training.trained(arch, fidelity)
        except Diverged:
            return fidelity.epochs, None, None
        validation, test = (training.accuracy(trainer, split) for split in (self.data.val, self.data.test))
        return fidelity.epochs, validation, test

    def write(self, found: dict[tuple[str, int], Rows], into: Path) -> Table:
        """The folder of the table, with checksums."""
        imported = Imported(
            space=self.plan.space,
            rows=self._frame(found),
            notes=self._notes(found),
            citation=f"NAS against random, table {into.name}: trained by this project",
            classes=True,
        )
        sources = {f"{self.plan.dataset}-{self.data.image}": self.data.sha256}
        table = keep(imported, into, sources, f"the table of {self.plan.space}")
        sums.write(into, [path for path in into.iterdir() if path.name != sums.NAME])
        return table

    def _frame(self, found: dict[tuple[str, int], Rows]) -> pd.DataFrame:
        import pandas as pd

        counts = {text: self._counts(text) for text, _ in found}
        return pd.DataFrame(self._lines(found, counts))

    def _lines(self, found: dict[tuple[str, int], Rows], counts: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for (text, seed), rows in found.items():
            for epochs, validation, test in rows:
                axes = {"arch": text, "dataset": self.plan.dataset, "seed": seed, "epochs": epochs}
                yield {**axes, "validation": validation, "test": test, **counts[text]}

    def _counts(self, text: str) -> dict[str, int]:
        counts = describe(self.space, self.space.read(text), self.size)
        return {name: counts[name] for name in ("parameters", "macs")}

    def _notes(self, found: dict[tuple[str, int], Rows]) -> list[str]:
        job, size, images = self.plan.job(0), self.size, self.data
        runs = [sum(seed == number for _, seed in found) for number in range(self.plan.seeds)]
        return [
            f"trained by protocol {registry.protocol(self.plan.protocol).version}, {job.rests_on}, torch "
            f"{torch.__version__}, code {self.code()}: {size.channels} channels, {size.cells} cells, {size.image}x"
            f"{size.image} pixels; {len(images.train.images):,} training, {len(images.val.images):,} validation and "
            f"{len(images.test.images):,} test images",
            "both accuracies of a row are of one network, trained on the training images for that many epochs",
            f"architectures with run 0, 1, …: {', '.join(f'{number:,}' for number in runs)}; those with more than one "
            "are drawn at random",
        ]

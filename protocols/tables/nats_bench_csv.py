"""NATS-Bench's topology space as one CSV of mean test accuracies after 200 epochs (v-tao/nats-bench-landscape): test
accuracy only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from protocols.tables.parts.columns import header, need, part, read
from protocols.tables.parts.format import Format, Imported

COLUMNS = {
    "cifar10": "CIFAR10TestAccuracy200Epochs",
    "cifar100": "CIFAR100TestAccuracy200Epochs",
    "imagenet16_120": "ImageNetTestAccuracy200Epochs",
}
ARCH = "ArchitectureString"


class NatsBenchCsv(Format):
    wanted = f"one CSV with the columns {ARCH}, {COLUMNS['cifar10']}, …"

    def recognises(self, sources: Sequence[Path]) -> bool:
        return len(sources) == 1 and {ARCH, *COLUMNS.values()} <= set(header(sources[0]))

    def read(self, sources: Sequence[Path]) -> Imported:
        import pandas as pd

        (source,) = sources
        table = read(source)
        need(table, [ARCH, *COLUMNS.values()], source)
        parts = [part(table[ARCH], dataset, 200, test=table[name] / 100) for dataset, name in COLUMNS.items()]
        notes = ["test accuracies are means over seeds after 200 epochs"]
        citation = "Dong et al., NATS-Bench, TPAMI 2021"
        return Imported("nasbench201", pd.concat(parts, ignore_index=True), {}, notes, citation)

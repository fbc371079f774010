"""NAS-Bench-Macro (Su et al., CVPR 2021): its JSON file, or the same as a CSV; three test accuracies, no validation.

JSON: {"22212202": {"test_acc": [93.28, …], "mean_acc": …, "std": …, "params": …, "flops": …}, …}. CSV: arch, acc0,
acc1, acc2, params, flops. Accuracies in per cent after 50 epochs on CIFAR-10.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from protocols.tables.parts.columns import header, part, read
from protocols.tables.parts.format import Format, Imported
from spaces.base import UserError

if TYPE_CHECKING:
    import pandas as pd

EPOCHS = 50
RUNS = 3
CSV_COLUMNS = ("arch", "acc0", "acc1", "acc2", "params", "flops")
NOTES = (
    "each accuracy is the best test accuracy among the 50 epochs of a run (train/train.py of the public repository)",
    "architectures that differ only in the place of identities behind a stage's first layer were trained once",
)


class NasbenchMacro(Format):
    wanted = "NAS-Bench-Macro's JSON file, or a CSV with the columns " + ", ".join(CSV_COLUMNS)

    def recognises(self, sources: Sequence[Path]) -> bool:
        if len(sources) != 1:
            return False
        (source,) = sources
        if source.suffix == ".json":
            with open(source, encoding="utf-8", errors="replace") as file:
                return '"test_acc"' in file.read(1000)
        return set(CSV_COLUMNS) <= set(header(source))

    def read(self, sources: Sequence[Path]) -> Imported:
        import pandas as pd

        (source,) = sources
        table = _json(source) if source.suffix == ".json" else read(source, texts=["arch"])
        costs = {"parameters": table["params"], "macs": table["flops"]}
        parts = [
            part(table["arch"], "cifar10", EPOCHS, test=table[f"acc{run}"] / 100, seed=run, **costs)
            for run in range(RUNS)
        ]
        citation = "Su et al., Prioritized Architecture Sampling with Monto-Carlo Tree Search, CVPR 2021"
        return Imported(
            "nasbench_macro", pd.concat(parts, ignore_index=True), {"parameters": "", "macs": ""}, NOTES, citation
        )


def _json(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = [[arch, *found["test_acc"], found["params"], found["flops"]] for arch, found in content.items()]
        return pd.DataFrame(rows, columns=list(CSV_COLUMNS))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} is not NAS-Bench-Macro's JSON: {type(error).__name__} {error}") from None

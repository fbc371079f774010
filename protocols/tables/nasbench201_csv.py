"""NAS-Bench-201 as CSVs by architecture index: accuracies after 12 and 200 epochs, and perhaps training seconds, the
device costs of HW-NAS-Bench and the proxies of NAS-Bench-Suite-Zero.

Sources, told apart by their columns: accuracies (index, ops, val12_c10, test12_c10, test200_c10, test200_c10_s777, … in
per cent; also c100 and in16), times (index, c10_train_s12, …), costs (index, c10_edgegpu_latency, …), proxies (index,
c10_synflow, …). `ops` has one digit for each edge, in the order of the architecture's text. Columns named
`…_is_oritest…` or `…_is_xtest…` are test values that public suites call validation: they are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import spaces
from protocols.tables.parts.columns import DATASETS, header, need, part, read
from protocols.tables.parts.format import Format, Imported
from spaces.base import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SPACE = "nasbench201"
KINDS = {"times": "_train_s12", "costs": "_latency", "proxies": "_synflow"}
"""Of a source, by the end of a column's name."""
UNITS = {"latency": "ms", "energy": "mJ", "arithmetic_intensity": "operations per byte"}
PROXIES = {"jacov": "jacob_cov"}  # where our name is another
COUNTED = {"params", "flops"}  # proxies that the space counts itself; the suite counts more than multiply-adds
HALF = {"cifar10"}  # the networks whose validation accuracy is known were trained on half of the training images
CITATION = (
    "Dong and Yang, NAS-Bench-201, ICLR 2020; Dong et al., NATS-Bench, TPAMI 2021; "
    "costs: Li et al., HW-NAS-Bench, ICLR 2021; proxies: Krishnakumar et al., NAS-Bench-Suite-Zero, NeurIPS 2022"
)
NOTES = [
    "cifar10: validation accuracies are of networks trained on 25,000 images, test accuracies of networks trained on "
    "all 50,000, as published",
    "runs 0 to 2 are single trainings of 200 epochs; the mean, which the source gives, may be over more of them",
]


class Nasbench201Csv(Format):
    wanted = "CSVs of NAS-Bench-201 with the columns index, ops, val12_c10, …, perhaps times, costs and proxies"

    def recognises(self, sources: Sequence[Path]) -> bool:
        found = [set(header(source)) for source in sources]
        return all(found) and any({"index", "ops"} <= names for names in found)

    def read(self, sources: Sequence[Path]) -> Imported:
        import pandas as pd

        frames = {_kind(source): (read(source, texts=["ops"]), source) for source in sources}
        if "accuracies" not in frames:
            raise UserError(
                f"{', '.join(map(str, sources))}: the CSV with the columns index, ops, test200_c10 is missing"
            )
        table, path = frames["accuracies"]
        need(table, ["index", "ops"], path)
        table = table.set_index("index")
        archs, notes = _texts(table["ops"], path), list(NOTES)
        times = frames["times"][0].set_index("index") if "times" in frames else None
        further = [frames[kind][0].set_index("index") for kind in ("costs", "proxies") if kind in frames]
        parts: list[pd.DataFrame] = []
        for short, dataset in DATASETS.items():
            if not any(name.split("_")[1:2] == [short] for name in table):
                continue
            seconds = None
            if times is not None:
                need(times, [f"{short}_train_s12"], frames["times"][1])
                seconds, said = _seconds(times[f"{short}_train_s12"], table["ops"], dataset)
                notes.append(said)
            costs = _of_devices(further, short, table.index)
            parts += _parts(table, archs, short, dataset, seconds, costs)
        if "proxies" in frames:
            notes.append("proxies are of the cells without dead branches; where they failed the source has -1e8")
        rows = pd.concat(parts, ignore_index=True)
        units = {name: UNITS[name.rpartition("_")[0]] for name in rows if name.rpartition("_")[0] in UNITS}
        return Imported(SPACE, rows, units, notes, CITATION)


def _kind(source: Path) -> str:
    names = header(source)
    if {"index", "ops"} <= set(names):
        return "accuracies"
    for kind, ending in KINDS.items():
        if any(name.endswith(ending) for name in names):
            return kind
    wanted = ", ".join(f"c10…{ending} ({kind})" for kind, ending in KINDS.items())
    raise UserError(f"{source} has no columns index and ops (accuracies), nor any of {wanted}")


def _texts(ops: pd.Series, path: Path) -> pd.Series:
    space = spaces.space(SPACE)
    known = {}
    for digits in ops.unique():
        arch = tuple(int(digit) for digit in digits) if str(digits).isdecimal() else ()
        if not space.valid(arch):
            raise UserError(f"{path}: ops is {digits!r}: six digits from 0 to 4 are needed")
        known[digits] = space.text(arch)
    return ops.map(known)


def _parts(
    table: pd.DataFrame, archs: pd.Series, short: str, dataset: str, seconds: Any, costs: dict[str, pd.Series]
) -> list[pd.DataFrame]:
    """The rows of one dataset: the means at 12 and 200 epochs, and single runs at 200."""
    early = {"validation": f"val12_{short}", "test": f"test12_{short}"}
    metrics = {metric: table[name] / 100 for metric, name in early.items() if name in table}
    timed = {} if seconds is None else {"seconds": seconds}
    parts = [part(archs, dataset, 12, **metrics, **timed, **costs)]
    if f"test200_{short}" in table:
        parts.append(part(archs, dataset, 200, test=table[f"test200_{short}"] / 100))
    singles = [name for name in table if name.startswith(f"test200_{short}_s")]
    return parts + [part(archs, dataset, 200, test=table[name] / 100, seed=run) for run, name in enumerate(singles)]


def _of_devices(tables: Sequence[pd.DataFrame], short: str, index: pd.Index) -> dict[str, pd.Series]:
    """`c10_edgegpu_latency` as `latency_edgegpu`, `c10_synflow` as `proxy_synflow`."""
    found = {}
    for table in tables:
        for name in table:
            dataset, _, rest = name.partition("_")
            device, _, what = rest.partition("_")
            if dataset != short or rest in COUNTED:
                continue
            values = table[name].reindex(index)
            if what in UNITS:
                found[f"{what}_{device}"] = values.where(values >= 0)  # -1: it does not run there
            else:
                found[f"proxy_{PROXIES.get(rest, rest)}"] = values
    return found


def _seconds(times: pd.Series, ops: pd.Series, dataset: str) -> tuple[np.ndarray, str]:
    """Training seconds of 12 epochs for each row of `ops`: as measured, else by a linear model of the operation on each
    edge."""
    import numpy as np

    share = 0.5 if dataset in HALF else 1.0
    measured = times.reindex(ops.index) * share
    digits = np.array([list(text) for text in ops], np.int8)
    one_hot = (digits[:, :, None] == np.arange(1, 5)).reshape(len(ops), -1)
    design = np.hstack([np.ones((len(ops), 1)), one_hot])
    there = measured.notna().to_numpy()
    weights: np.ndarray = np.linalg.lstsq(design[there], measured[there].to_numpy(), rcond=None)[0]
    fitted = design @ weights
    errors = np.abs(fitted[there] / measured[there] - 1).mean()
    said = (
        f"{dataset}: training seconds are measured for {there.sum():,} architectures and predicted for the others by a "
        f"linear model of the operation on each edge (mean error {errors:.1%})"
    )
    return np.where(there, measured, fitted), said

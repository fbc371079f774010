"""Under which conditions the numbers were made, as the records say: protocol, methods, software, machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from harness.plan.jobs import RANDOM
from harness.report.typeset import Table

CONDITIONS = ["part", "name", "value", "dataset"]
WHOLE = "all"
PARTS = ["protocol", "search", "training", "software", "machine"]


def conditions(found: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """One row a value of a condition and the datasets that it held for; "all" where it held for every record's."""
    datasets: set[str] = set()
    held: dict[tuple[str, str, str], set[str]] = {}
    for record in found:
        dataset = record["key"]["dataset"]
        datasets.add(dataset)
        for part, name, value in _said(record):
            held.setdefault((part, name, str(value)), set()).add(dataset)
    rows = [(*named, WHOLE if where == datasets else ", ".join(sorted(where))) for named, where in held.items()]
    return pd.DataFrame(sorted(rows, key=_order), columns=CONDITIONS)


def _order(row: tuple[str, ...]) -> tuple[float, str, str, tuple[str, ...]]:
    """Parts in their order, methods before the training of what they found; which protocol it is comes first."""
    part = PARTS.index(row[0]) if row[0] in PARTS else PARTS.index("search") + 0.5
    return part, row[0], "" if row[1] in ("name", "version") else row[1], row


def _said(record: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    config, key = record.get("config", {}), record["key"]
    yield "protocol", "name", key["protocol"]
    if "version" in config:
        yield "protocol", "version", config["version"]
    setting = config.get("setting", {})
    groups = {"budget": "search", "recipe": "training", "tricks": "training"}
    for name, value in setting.items():
        if name in groups:
            own = {"epochs", "epochs_of"} if name == "budget" else set()  # what each method has of its own
            yield from ((groups[name], inner, said) for inner, said in value.items() if inner not in own)
        else:
            yield "protocol", name, f"{value:.4g}" if isinstance(value, float) else value
    if record["kind"] == "search" and key["method"] != RANDOM:
        epochs = {"epochs": setting["budget"]["epochs"]} if "budget" in setting else {}
        own = {**epochs, **config.get("parameters", {})}
        yield from ((f"method {key['method']}", name, said) for name, said in own.items())
    yield from (("software", name, said) for name, said in record.get("environment", {}).items() if said)
    if machine := record.get("measured", {}).get("machine"):
        yield "machine", "processor", machine


def show(frame: pd.DataFrame, made: str) -> Table:
    caption = (
        "Protocol and versions: everything that the records say of how they were made. Two tables with the same"
        f" protocol version may be compared. {made}"
    )
    return Table(["part", "name", "value", "datasets"], frame.values.tolist(), caption, labels=4)

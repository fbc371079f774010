"""How the numbers were made, as the records say: settings of protocol and methods, software, machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from harness.plan.jobs import RANDOM

PROVENANCE = ["part", "name", "value", "dataset"]
WHOLE = "all"
PARTS = ["protocol", "search", "training", "software", "machine"]


def provenance(records: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """One row per value of a setting, with the datasets that it was used for; "all" where they are all datasets."""
    datasets: set[str] = set()
    used: dict[tuple[str, str, str], set[str]] = {}
    for record in records:
        dataset = record["key"]["dataset"]
        datasets.add(dataset)
        for part, name, value in _settings(record):
            used.setdefault((part, name, str(value)), set()).add(dataset)
    rows = [(*named, WHOLE if where == datasets else ", ".join(sorted(where))) for named, where in used.items()]
    return pd.DataFrame(sorted(rows, key=_order), columns=PROVENANCE)


def _order(row: tuple[str, ...]) -> tuple[float, str, str, tuple[str, ...]]:
    """Parts in their order, methods before the training of what they found; which protocol it is comes first."""
    part = PARTS.index(row[0]) if row[0] in PARTS else PARTS.index("search") + 0.5
    return part, row[0], "" if row[1] in ("name", "version") else row[1], row


def _settings(record: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(part, name, value) of everything that a record says of how it was made."""
    config, key = record.get("config", {}), record["key"]
    yield "protocol", "name", key["protocol"]
    if "version" in config:
        yield "protocol", "version", config["version"]
    setting = config.get("setting", {})
    part_of = {"budget": "search", "recipe": "training", "tricks": "training"}
    for name, value in setting.items():
        if name in part_of:
            own = {"epochs", "epochs_of"} if name == "budget" else set()  # these differ by method
            yield from ((part_of[name], inner, its) for inner, its in value.items() if inner not in own)
        else:
            yield "protocol", name, f"{value:.4g}" if isinstance(value, float) else value
    if record["kind"] == "search" and key["method"] != RANDOM:
        epochs = {"epochs": setting["budget"]["epochs"]} if "budget" in setting else {}
        fields = {**epochs, **config.get("parameters", {})}
        yield from ((f"method {key['method']}", name, value) for name, value in fields.items())
    yield from (("software", name, value) for name, value in record.get("environment", {}).items() if value)
    if machine := record.get("measured", {}).get("machine"):
        yield "machine", "processor", machine

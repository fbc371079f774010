"""What a table of trained architectures holds, in numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pandas as pd

from harness.analysis.proxies import STUDY, spearman, study, valid
from harness.plan import registry
from protocols.tables.base import Table
from spaces.base import UserError
from spaces.parts.declared import Declared

METRICS = ("validation", "test")
PROXY = "proxy_"
"""How the name of a column of scores begins."""


def facts(table: Table) -> str:
    """The whole description as text: accuracies in per cent."""
    said = table.facts
    size = f"{len(table.archs):,} of {combinations(table):,} architectures, {said.get('rows', 0):,} rows"
    head = [f"table {table.name}, space {table.space}: {size}"]
    head += [f"WARNING: {table.warning}"] if table.warning else ["validation accuracies are the table's own"]
    head += ["one architecture stands for all that are the same network"] if said["classes"] else []
    head += [f"source: {name} (sha256 {digest[:12]})" for name, digest in said.get("sources", {}).items()]
    head += [f"note: {note}" for note in said.get("notes", ())]
    head += [f"cite: {said['citation']}"] if said.get("citation") else []
    parts = ["\n".join(head)]
    for title, frame in {
        "accuracies, in per cent": accuracies(table),
        "best by test accuracy, mean over runs": optima(table),
        "rank correlations": correlations(table),
        "proxies: rank correlations with test accuracy": proxies(table),
        "costs": costs(table),
    }.items():
        if len(frame):
            parts.append(f"{title}\n{frame.to_string(index=False, na_rep='–')}")
    return "\n\n".join(parts)


def combinations(table: Table) -> int:
    """How many architectures the table's space has."""
    space = registry.space(table.space)
    return len(space.listed) if isinstance(space, Declared) and space.listed else math.prod(space.choices)


def missing(table: Table) -> int:
    """How many of them a search could ask for in vain, on the dataset that lacks most."""
    if table.facts["classes"]:
        return 0
    return max(combinations(table) - int((~np.isnan(table.values(name))).sum()) for name in table.datasets)


def accuracies(table: Table) -> pd.DataFrame:
    """A row for each dataset, metric and fidelity. `gaps`: architectures without a value. `seed_sd`: standard deviation
    between runs of an architecture (ddof 1), pooled over architectures with two runs or more."""
    rows = []
    for dataset, metric, epochs in _columns(table):
        values = 100 * table.values(dataset, metric, epochs)
        there = values[~np.isnan(values)]
        runs = 100 * np.array(list(table.runs(dataset, metric, epochs).values())).reshape(-1, len(table.archs))
        rows.append(
            {
                **{
                    "dataset": dataset,
                    "metric": metric,
                    "epochs": epochs,
                    "n": len(there),
                    "gaps": len(values) - len(there),
                },
                **{"mean": there.mean(), "median": np.median(there), "sd": _sd(there)},
                **{"min": there.min(), "max": there.max(), "runs": len(runs), "seed_sd": seed_sd(runs)},
            }
        )
    return pd.DataFrame(rows).round(4)


def optima(table: Table) -> pd.DataFrame:
    """The best architecture of each dataset."""
    rows = []
    for dataset in _tested(table):
        arch, accuracy = table.optimum(dataset)
        rows.append({"dataset": dataset, "test": round(100 * accuracy, 4), "arch": arch})
    return pd.DataFrame(rows)


def correlations(table: Table) -> pd.DataFrame:
    """Rank correlation of every two columns of a dataset, and of two runs of the same column: the most that a noisy
    column can be predicted. `top_decile`: Spearman among the tenth that is best by the second column."""
    rows = []
    by_dataset = itertools.groupby(_columns(table), key=lambda column: column[0])
    for dataset, columns in by_dataset:
        listed = [(metric, epochs) for _, metric, epochs in columns if metric != "validation" or not table.warning]
        named = {f"{metric} {epochs}": table.values(dataset, metric, epochs) for metric, epochs in listed}
        pairs = [(a, b, named[a], named[b]) for a, b in itertools.combinations(named, 2)]
        for metric, epochs in listed:
            runs = table.runs(dataset, metric, epochs)
            pairs += [
                (f"{metric} {epochs}, run {a}", f"run {b}", np.array(runs[a]), np.array(runs[b]))
                for a, b in itertools.islice(itertools.combinations(runs, 2), 1)
            ]
        rows += [{"dataset": dataset, "of": a, "with": b, **_agreement(x, y)} for a, b, x, y in pairs]
    return pd.DataFrame(rows)


def proxies(table: Table) -> pd.DataFrame:
    """A row for each dataset and proxy: the columns of `study`, for what the table has as a column `proxy_NAME`, what
    can be counted, and its shorter trainings. Nothing for a table without scores."""
    rows = []
    for dataset in _tested(table):
        scores = {
            name.removeprefix(PROXY): v for name, v in table.cost_columns(dataset).items() if name.startswith(PROXY)
        }
        if not scores:
            continue
        seconds = {}
        for epochs in () if table.warning else table.fidelities(dataset):
            scores[name := f"validation {epochs}"] = table.values(dataset, epochs=epochs)
            took = table.values(dataset, "seconds", epochs)
            seconds[name] = float(np.median(took[~np.isnan(took)])) if not np.isnan(took).all() else math.nan
        runs = [np.array(each) for each in table.runs(dataset, "test").values()][:2]
        both = ~np.isnan(runs).any(axis=0) if len(runs) == 2 else np.zeros(0, bool)
        ceiling = spearman(runs[0][both], runs[1][both]) if both.any() else math.nan
        known = valid(table.space, list(table.archs))
        found = study(table.values(dataset, "test"), counted(table, dataset) | scores, known, ceiling, seconds)
        rows.append(found.assign(dataset=dataset)[["dataset", *STUDY]])
    return pd.concat(rows).round(3) if rows else pd.DataFrame()


def counted(table: Table, dataset: str) -> dict[str, np.ndarray]:
    """params and flops: the table's own columns, else at the published size where the space adds them up."""
    found, space = {}, registry.space(table.space)
    for name, metric in (("params", "parameters"), ("flops", "macs")):
        if (own := table.cost_columns(dataset).get(metric)) is not None:
            found[name] = own
            continue
        with suppress(UserError):
            constant, by_option = space.costs(space.published, metric)
            archs = map(space.parse, table.archs)
            found[name] = np.array([constant + sum(row[i] for row, i in zip(by_option, arch)) for arch in archs])
    return found


def costs(table: Table) -> pd.DataFrame:
    """Range of the further columns."""
    rows = []
    for dataset in table.datasets:
        for name, values in table.cost_columns(dataset).items():
            there = values[~np.isnan(values)]
            if len(there):
                unit = table.facts.get("units", {}).get(name, "")
                spread = {"min": there.min(), "median": np.median(there), "max": there.max()}
                rows.append({"dataset": dataset, "cost": name, "unit": unit, "n": len(there), **spread})
    return pd.DataFrame(rows).round(4)


def seed_sd(runs: np.ndarray) -> float:
    """runs: (runs, architectures), nan where there is none."""
    several = (~np.isnan(runs)).sum(axis=0) > 1 if len(runs) else np.array([], bool)
    if not several.any():
        return float("nan")
    part = runs[:, several]
    free = (~np.isnan(part)).sum(axis=0) - 1
    return float(np.sqrt((np.nanvar(part, axis=0, ddof=1) * free).sum() / free.sum()))


def _agreement(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    from scipy.stats import kendalltau, spearmanr

    both = ~np.isnan(x) & ~np.isnan(y)
    x, y = x[both], y[both]
    top = y >= np.quantile(y, 0.9) if len(y) else both
    enough, in_top = len(x) > 2, top.sum() > 2
    return {
        "n": len(x),
        "spearman": round(float(spearmanr(x, y).statistic), 3) if enough else float("nan"),
        "kendall": round(float(kendalltau(x, y).statistic), 3) if enough else float("nan"),
        "top_decile": round(float(spearmanr(x[top], y[top]).statistic), 3) if in_top else float("nan"),
    }


def _columns(table: Table) -> Iterator[tuple[str, str, int]]:
    """(dataset, metric, epochs) of what the table has."""
    for dataset in table.datasets:
        for metric in METRICS:
            if not (metric == "validation" and table.warning):
                for epochs in table.fidelities(dataset, metric):
                    yield dataset, metric, epochs


def _tested(table: Table) -> list[str]:
    found = [dataset for dataset in table.datasets if table.fidelities(dataset, "test")]
    if not found:
        raise UserError(f"table {table.name} has no test accuracy on any dataset")
    return found


def _sd(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")

"""Searches on a table whose values are planted: real runs under the protocol `lookup`, in milliseconds."""

import itertools
import random
from dataclasses import replace

import pandas as pd

from harness.plan import datasets, registry
from harness.plan.jobs import Search
from harness.running.clock import Clock
from harness.running.search_run import SearchRun
from protocols.tables.parts.importing import import_table

ABOUT = """
space: file:space.yaml
file: rows.csv
unit: fraction
columns: {arch: arch, dataset: dataset, seed: seed, epochs: epochs}
metrics: {validation: validation, test: test, seconds: seconds, COST: {column: weight, unit: g}}
"""


def table(folder, choices, value, epochs=(9,), weight=lambda arch: 1 + sum(arch), cost="weight"):
    """Writes a table of a declared space; gives a maker of runs. value(arch, epochs): validation accuracy; half of it
    is the test accuracy. weight(arch): its cost, in the table's
    column `cost`."""
    decisions = "\n".join(f"  d{i}: {list(range(options))}" for i, options in enumerate(choices))
    (folder / "space.yaml").write_text(f"name: planted\ndecisions:\n{decisions}\ntext: digits\n")
    (folder / "about.yaml").write_text(ABOUT.replace("COST", cost))
    rows = [
        ("".join(map(str, arch)), "toy", 0, e, value(arch, e), value(arch, e) / 2, float(e), weight(arch))
        for arch in itertools.product(*map(range, choices))
        for e in epochs
    ]
    names = ["arch", "dataset", "seed", "epochs", "validation", "test", "seconds", "weight"]
    pd.DataFrame(rows, columns=names).to_csv(folder / "rows.csv", index=False)
    import_table([folder / "about.yaml"], folder / "table")
    dataset = f"table:{folder / 'table'}#toy"
    datasets.prepare(datasets.named(dataset), 1, folder / "prepared", folder)

    def run(method, seed=0, evaluations=100, **fields):
        space = f"file:{folder / 'space.yaml'}"
        job = Search("lookup", dataset, space, method, seed, registry.parameters(method, fields))
        made = SearchRun(job, registry.space(space), folder / "prepared", None, Clock())
        made.budget = replace(made.budget, evaluations=evaluations)
        made.rng = random.Random(f"{method} {seed}")  # the folder's name, and so the job's own seed, changes
        return made

    return run


def asked(run):
    """What a search has asked, in order: architectures and epochs."""
    return [(arch, fidelity.epochs) for arch, fidelity in run._asked.asked]

"""NAS-Bench-Graph (Qin et al., NeurIPS 2022, arXiv 2206.09166): graph networks of four operations, as the package
nas-bench-graph ships them: `pip install -e '.[tables]'`, then `table import nas-bench-graph --into …`.

The package's own code is not run: its files are pickles of {number: {valid_perf, perf, latency, para}}, means over
three seeds. The digits of a number are the place of the links in LINKS and of four operations in OPERATIONS. The table
comes with a space that lists its architectures. `proteins` has fewer of them than the other datasets, 2,021 of 26,206:
it is left out where others are read, and is a table of its own where its file alone is the source.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from protocols.tables.parts import pickles
from protocols.tables.parts.columns import part
from protocols.tables.parts.format import Format, Imported
from spaces.base import UserError
from spaces.parts.declared import COPY, PREFIX

PACKAGE, NAME = "nas_bench_graph", "nas-bench-graph"
LINKS = ("0000", "0001", "0011", "0012", "0013", "0111", "0112", "0122", "0123")
"""The node that each of the four operations reads; 0 is the input."""
OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
LIST = "architectures.txt"
SPACE = f"""\
name: nasbench_graph
decisions:
  links: [{", ".join(f"'{link}'" for link in LINKS)}]
{"".join(f"  op{i}: [{', '.join(OPERATIONS)}]{chr(10)}" for i in range(1, 5))}\
text: "{{links}}:{{op1}},{{op2}},{{op3}},{{op4}}"
architectures: {LIST}
"""
UNITS = {"latency": "s"}
NOTES = (
    "means over three seeds; `epochs` is 1, a whole training, because the package does not say how long it was",
    "proteins: area under the ROC curve instead of accuracy",
)


class NasBenchGraph(Format):
    wanted = f"{NAME}, where that package is installed, or its .bench files"

    def locate(self, name: str) -> Path | None:
        if name not in (NAME, PACKAGE):
            return None
        found = importlib.util.find_spec(PACKAGE)
        if found is None or not found.submodule_search_locations:
            raise UserError(f"the package {NAME} is not installed: pip install -e '.[tables]'")
        return Path(found.submodule_search_locations[0]) / "light"

    def recognises(self, sources: Sequence[Path]) -> bool:
        return all(source.suffix == ".bench" or any(source.glob("*.bench")) for source in sources)

    def read(self, sources: Sequence[Path]) -> Imported:
        import pandas as pd

        files = sorted(file for source in sources for file in (source.glob("*.bench") if source.is_dir() else [source]))
        tables = {file.stem: _results(file) for file in files}
        numbers = max((set(table) for table in tables.values()), key=len)
        whole = [dataset for dataset, table in tables.items() if set(table) == numbers]
        left = [f"left out, because it has other architectures: {name}" for name in tables if name not in whole]
        texts = {number: _text(number) for number in sorted(numbers)}
        rows = [_part(dataset, tables[dataset], texts) for dataset in whole]
        beside = {COPY: SPACE.encode(), LIST: "".join(f"{text}\n" for text in texts.values()).encode()}
        citation = "Qin et al., NAS-Bench-Graph, NeurIPS 2022"
        frame = pd.concat(rows, ignore_index=True)
        return Imported(f"{PREFIX}{COPY}", frame, UNITS, [*NOTES, *left], citation, files=beside)


def _results(file: Path) -> dict[int, dict[str, Any]]:
    table = pickles.read(file)
    wanted = {"valid_perf", "perf", "latency", "para"}
    if not isinstance(table, dict) or not table or not all(wanted <= set(found) for found in table.values()):
        raise UserError(f"{file} is no table of NAS-Bench-Graph: {', '.join(sorted(wanted))} are needed")
    return table


def _text(number: int) -> str:
    link, *operations = (int(digit) for digit in f"{number:05}")
    return f"{LINKS[link]}:{','.join(OPERATIONS[i] for i in operations)}"


def _part(dataset: str, table: dict[int, dict[str, Any]], texts: dict[int, str]) -> Any:
    def column(name: str) -> list[float]:
        return [float(table[number][name]) for number in texts]

    costs = {"latency": column("latency"), "parameters": [round(1e6 * millions) for millions in column("para")]}
    return part(list(texts.values()), dataset, 1, validation=column("valid_perf"), test=column("perf"), **costs)

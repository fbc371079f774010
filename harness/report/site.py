"""The published snapshots on the site of the documentation: a page each, and one that compares them. mkdocs.yml names
this file as a hook; the pages are made from the snapshots when the site is built, and stand nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from harness.plan.registry import ROOT
from harness.records import sums
from harness.report import snapshot
from harness.report.outline import contents
from harness.report.typeset import Table, estimate, markdown, named

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

OVERVIEW = "snapshots.md"
SIGNS = {"better": "**better**", "worse": "**worse**", "not distinguishable": "≈"}
BESIDE = ("config.yaml", "environment.txt", sums.NAME)
"""What a snapshot holds of how it was made."""
SAID = (
    "Relative improvement over the average random architecture of the same space in per cent, over all datasets of a"
    " snapshot, with the interval and the verdict that are corrected over the snapshot's methods (≈: no significant"
    " difference). Snapshots may be compared where their protocols' versions are comparable."
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages of the snapshots, and the files that they link to, to the site."""
    from mkdocs.structure.files import File

    found = snapshots()
    files.append(File.generated(config, OVERVIEW, content=overview(found)))
    for folder in found:
        files.append(File.generated(config, f"snapshots/{folder.name}.md", content=page(folder)))
        for path in linked(folder):
            uri = f"snapshots/{folder.name}/{path.relative_to(folder).as_posix()}"
            files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files


def snapshots() -> list[Path]:
    """The folders of the published snapshots of runs."""
    return sorted(path.parent for path in (ROOT / snapshot.PUBLISHED).glob("*/records"))


def overview(folders: list[Path]) -> str:
    """The verdicts of all snapshots side by side, as Markdown."""
    said = {folder.name: dict(verdicts(folder)) for folder in folders}
    headers = ["method", "space", *(f"[{name}](snapshots/{name}.md)" for name in said)]
    methods = sorted({method for cells in said.values() for method in cells})
    rows = [[*method, *(cells.get(method, "") for cells in said.values())] for method in methods]
    cited = [f"- {snapshot.citation(folder)}" for folder in folders]
    table = whole(markdown(named(Table(headers, rows, SAID))))
    return "\n".join(["# Published snapshots\n", table, "## How to cite\n", *cited]) + "\n"


def whole(text: str) -> str:
    """Intervals that no narrow column breaks."""
    return re.sub(r"(\[[^\s\],]+,) (?=[^\s\],]+\])", "\\1&nbsp;", text)


def verdicts(folder: Path) -> Iterator[tuple[tuple[str, str], str]]:
    """((method, space), what the snapshot says of it)."""
    for row in _rows(folder / "tables/methods.csv").itertuples():
        shown = estimate(row.ri, row.holm_low, row.holm_high, digits=1, sign=True)
        yield (row.method, row.space), f"{shown} {SIGNS.get(row.verdict, row.verdict)}"


def _rows(table: Path) -> pd.DataFrame:
    """None of a table that is newer than the snapshot's views."""
    return pd.read_csv(table) if table.exists() else pd.DataFrame()


def page(folder: Path) -> str:
    """A snapshot as Markdown: its tables and figures that have content, in the order of the report."""
    parts = [f"# {folder.name}", f"> {snapshot.citation(folder)}"]
    for heading, shown in contents(_spaces(folder)).items():
        found = {title: file for title, file in shown.items() if len(_rows(folder / f"{file}.csv"))}
        parts += [f"## {heading}"] if found else []
        for title, file in found.items():
            parts += [f"### {title}", *_result(folder, file)]
    parts += ["## Files", "How it was made, and the checksums of all files:", _links(folder, BESIDE)]
    records = sorted(path.relative_to(folder).as_posix() for path in (folder / "records").rglob("*.json"))
    parts += [f"Its {len(records)} records, from which everything else is made:", _links(folder, records)]
    return "\n\n".join(parts) + "\n"


def _spaces(folder: Path) -> set[str]:
    return set(_rows(folder / "tables/accuracies.csv")["space"])


def _result(folder: Path, file: str) -> Iterator[str]:
    """A table, or a figure as a picture, and where its numbers are."""
    if file.startswith("tables/"):
        yield whole((folder / f"{file}.md").read_text(encoding="utf-8").strip())
    else:
        yield f"![{file.partition('/')[2]}]({folder.name}/{file}.svg)"
    yield _links(folder, [f"{file}.csv"])


def _links(folder: Path, files: list[str] | tuple[str, ...]) -> str:
    return "\n".join(f"- [{file}]({folder.name}/{file})" for file in files if (folder / file).is_file())


def linked(folder: Path) -> Iterator[Path]:
    """The files of a snapshot that its page links to."""
    for shown in contents(_spaces(folder)).values():
        for file in shown.values():
            suffixes = (".csv", ".svg") if file.startswith("figures/") else (".csv",)
            yield from (folder / f"{file}{suffix}" for suffix in suffixes if (folder / f"{file}{suffix}").is_file())
    yield from (folder / name for name in BESIDE if (folder / name).is_file())
    yield from sorted((folder / "records").rglob("*.json"))

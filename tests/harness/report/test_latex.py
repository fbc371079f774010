"""Tables as LaTeX: whole, escaped, and compiled where there is a pdflatex."""

import shutil
import subprocess

import pytest

from harness.analysis import results as frames
from harness.report import build as tables
from harness.report import typeset
from tests import synthetic_records as synthetic


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("records")
    synthetic.make(path)
    return path


def test_latex_has_as_many_cells_as_columns_and_escapes(folder, tmp_path):
    tables.tables(frames.read(folder), tmp_path)
    for path in tmp_path.glob("*.tex"):
        text = path.read_text()
        columns = text.split(r"\begin{tabular}{@{}")[1].split("@{}")[0]
        body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
        lines = [line for line in body.splitlines() if line.endswith((r"\\", r"\noalign{\smallskip}"))]
        assert len(lines) > 1
        assert all(line.count("&") == len(columns) - 1 for line in lines)
        assert r"single\_path" in text or path.stem in ("depth_gap", "protocol")
        assert text.isascii()
    assert typeset.escape("a_b 5% & ±") == r"a\_b 5\% \& $\pm$"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex: nothing was compiled")
@pytest.mark.parametrize("many", [False, True])
def test_latex_compiles_and_nothing_is_cut_off_at_the_bottom(many, folder, tmp_path):
    """`many`: 24 methods with names of 40 characters, which fill several pages."""
    source = folder
    if many:
        names = [f"{'a_method_with_a_name_of_forty_characters'[:-2]}{i:02d}" for i in range(24)]
        lines = [f"d{d},s,{m},{i},{80 + i}\n" for d in "ab" for m in (*names, "random_sampling") for i in (0, 1)]
        source = tmp_path / "r.csv"
        source.write_text("dataset,space,method,seed,accuracy\n" + "".join(lines))
    tables.tables(frames.read(source), tmp_path)
    inputs = "".join(rf"\input{{{path.stem}}}\clearpage" for path in sorted(tmp_path.glob("*.tex")))
    (tmp_path / "all.tex").write_text(
        rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{inputs}\end{{document}}"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Float too large" not in done.stdout

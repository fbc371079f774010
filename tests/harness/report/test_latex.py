"""Tables as LaTeX: whole, escaped, and compiled where there is a pdflatex."""

import shutil
import subprocess

import pytest

from harness.analysis.analysis import Analysis
from harness.analysis.results import read_results
from harness.report.build import write_tables
from harness.report.latex import escape, latex
from harness.report.typeset import Table
from tests import synthetic_records as synthetic

needs_latex = pytest.mark.skipif(
    not shutil.which("pdflatex"), reason="needs pdflatex (Debian: texlive-latex-recommended)"
)
NOT_BY_SPACE = {"calibration", "depth_gap", "protocol", "studies", "study_times"}
HEADER = "dataset,space,method,seed,accuracy\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("records")
    synthetic.make(path)
    return path


def compiled(folder):
    """What pdflatex prints of a document that holds every table of the folder and loads booktabs alone."""
    inputs = "".join(rf"\input{{{path.stem}}}\clearpage" for path in sorted(folder.glob("*.tex")))
    (folder / "all.tex").write_text(
        rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{inputs}\end{{document}}"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "all.pdf").stat().st_size > 10_000
    return done.stdout


def test_latex_has_as_many_cells_as_columns_and_escapes(folder, tmp_path):
    write_tables(Analysis(read_results(folder)), tmp_path)
    for path in tmp_path.glob("*.tex"):
        text = path.read_text()
        if path.stem in synthetic.WITHOUT_ROWS:
            assert "No rows." in text
            continue
        columns = text.split(r"\begin{tabular}{@{}")[1].split("@{}")[0]
        body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
        lines = [line for line in body.splitlines() if line.endswith((r"\\", r"\noalign{\smallskip}"))]
        assert len(lines) > 1
        assert all(line.count("&") == len(columns) - 1 for line in lines)
        assert r"single\_path" in text or path.stem in NOT_BY_SPACE
        assert text.isascii()
    assert escape("a_b 5% & ±") == r"a\_b 5\% \& $\pm$"


@needs_latex
@pytest.mark.parametrize("source", ["records", "few", "many"])
def test_tables_compile_and_nothing_is_cut_off(source, folder, tmp_path):
    """`few`: single runs, missing cells; `many`: 24 methods with names of 40 characters, which fill several pages."""
    path = tmp_path / "r.csv"
    if source == "few":
        path.write_text(HEADER + "a,s_1,random_sampling,0,80\na,s_1,m,0,85\nb,s_1,random_sampling,0,0.5\n")
    elif source == "many":
        names = [f"{'a_method_with_a_name_of_forty_characters'[:-2]}{i:02d}" for i in range(24)]
        lines = [f"d{d},s,{m},{i},{80 + i}\n" for d in "ab" for m in (*names, "random_sampling") for i in (0, 1)]
        path.write_text(HEADER + "".join(lines))
    write_tables(Analysis(read_results(path if path.exists() else folder)), tmp_path)
    printed = compiled(tmp_path)
    assert "Float too large" not in printed
    assert source == "many" or "Overfull" not in printed


STRANGE = ["[x]", "*", "a_b^c~d", "#1 $2 %3 &4", r"\end{x}", "<|>", "\"'`", "± − τ → – × ≈", "1\n[2]"]


@needs_latex
def test_what_latex_could_take_for_its_own_compiles(tmp_path):
    (tmp_path / "t.tex").write_text(latex(Table(STRANGE, [STRANGE] * 2, " ".join(STRANGE), STRANGE)))
    assert "Overfull" not in compiled(tmp_path)


def test_what_latex_could_take_for_its_own_is_escaped():
    text = latex(Table(STRANGE, [STRANGE], "", labels=0))
    assert text.isascii()
    for escaped in (r"a\_b\textasciicircum{}c\textasciitilde{}d", r"\#1 \$2 \%3 \&4", r"\textbackslash{}end\{x\}"):
        assert escaped in text
    assert "{}[x]" in text and "{}*" in text  # after the end of a row LaTeX would take them for its arguments

"""Tables as LaTeX: whole, escaped, and compiled where there is a pdflatex."""

import re
import shutil
import subprocess

import pytest

from harness.analysis.analysis import Analysis
from harness.analysis.results import read_results
from harness.report.build import write_tables
from harness.report.latex import escape, latex
from harness.report.tables import methods, relative_improvement, verdicts
from harness.report.typeset import Table
from tests import synthetic_records as synthetic


def installed(package):
    found = shutil.which("kpsewhich")
    return bool(found and subprocess.run([found, package], capture_output=True, check=False).stdout)


needs_latex = pytest.mark.skipif(
    not shutil.which("pdflatex") or not installed("siunitx.sty"),
    reason="needs pdflatex and siunitx (Debian: texlive-latex-recommended, texlive-science)",
)
NOT_BY_SPACE = {"calibration", "depth_gap", "protocol", "studies", "study_times"}
HEADER = "dataset,space,method,seed,accuracy\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("records")
    synthetic.make(path)
    return path


def compiled(folder):
    """What pdflatex prints of a document that holds every table of the folder and loads booktabs and siunitx alone."""
    inputs = "".join(rf"\input{{{path.stem}}}\clearpage" for path in sorted(folder.glob("*.tex")))
    (folder / "all.tex").write_text(
        rf"\documentclass{{article}}\usepackage{{booktabs,siunitx}}\begin{{document}}{inputs}\end{{document}}"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "all.pdf").stat().st_size > 10_000
    return done.stdout


def columns_of(text):
    """Columns of each tabular: an S column with what stands behind its numbers counts as two."""
    return [len(re.findall(r"[lr]|S\[[^]]*\]", form.replace("@{ }", ""))) for form in FORM.findall(text)]


FORM = re.compile(r"\\begin\{tabular\}\{@\{\}(.*)@\{\}\}$", re.MULTILINE)


def test_latex_has_as_many_cells_as_columns_and_escapes(folder, tmp_path):
    write_tables(Analysis(read_results(folder)), tmp_path)
    for path in tmp_path.glob("*.tex"):
        text = path.read_text()
        assert text.isascii() and text.startswith("% needs \\usepackage{booktabs,siunitx}\n")
        assert r"\tiny" not in text and r"\scriptsize" not in text
        if path.stem in synthetic.WITHOUT_ROWS:
            assert "No rows." in text
            continue
        bodies = [part.split(r"\bottomrule")[0] for part in text.split(r"\toprule")[1:]]
        for count, body in zip(columns_of(text), bodies, strict=True):
            lines = [line for line in body.splitlines() if r"\\" in line]
            assert len(lines) > 1
            assert all(line.count("&") == count - 1 for line in lines)
        assert "Single-Path NAS" in text or path.stem in NOT_BY_SPACE
    assert escape("a_b 5% & ±") == r"a\_b 5\% \& $\pm$"


ROWS = [["m", "+3.66 better\n[+1.00, +12.00]", "<0.001", "1,250"], ["k", "−0.5 ≈", "0.509", "–"]]


def test_numbers_line_up_and_what_is_significant_is_bold():
    text = latex(Table(["method", "RI, %", "p", "runs"], ROWS, "Caption.", labels=1, bold={(0, 1)}))
    assert "@{}lS[table-format=+1.2]@{ }lS[table-format=1.3]S[table-format=4]@{}" in text
    first, second, third = text.split(r"\midrule")[1].strip().splitlines()[:3]
    assert first == r"m & {\bfseries +3.66} & \textbf{better} & {$<$0.001} & 1250 \\"
    assert second == r" & {\textbf{{}[+1.00, +12.00]}} & &  &  \\ \addlinespace[2pt]"
    assert third == r"k & -0.5 & $\approx$ & 0.509 & {--} \\"
    assert "Caption. Bold: significant." in text and "group-separator={,}" in text


def test_wide_and_long_tables_go_on_in_further_ones_with_every_cell_once():
    headers = ["name", *(f"column {i} of many" for i in range(12))]
    rows = [[f"n{r}", *(f"{r}.{c:02d}" for c in range(12))] for r in range(90)]
    text = latex(Table(headers, rows, "Caption.", labels=1))
    assert text.count("Caption.") == 1 and text.count("Continued.") == text.count(r"\begin{table}") - 1
    counts = columns_of(text)
    assert max(counts) < 13 and max(counts) - min(counts) <= 1  # of about the same width
    assert sorted(re.findall(r"\d+\.\d\d", text)) == sorted(cell for row in rows for cell in row[1:])


def test_verdicts_are_bold_where_they_are_significant(tmp_path):
    (tmp_path / "r.csv").write_text(HEADER + "".join(f"d,s,{m},{i},{v + i / 9}\n" for m, v in MEANS for i in range(9)))
    analysis = Analysis(read_results(tmp_path / "r.csv"))
    for table in (methods, verdicts, relative_improvement):
        lines = latex(table.layout(analysis, "Made.")).splitlines()
        first = {key: next(line for line in lines if line.startswith((f"{key} &", f"d & {key} &"))) for key in "ab"}
        assert "bfseries" in first["a"] and "bf" not in first["b"], table


MEANS = [("a", 90), ("b", 80), ("random_sampling", 80)]


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

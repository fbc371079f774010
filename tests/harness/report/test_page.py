"""The report: one page with all that the results hold, and what it leaves out; of a pipeline's run and of a CSV."""

import re
import shutil
import subprocess

import pytest

from harness.__main__ import main
from harness.report import outline
from harness.report.build import build
from tests import synthetic_records as synthetic

LEFT_OUT = [
    "1.7 against random search (needs random_search beside another method, two runs of each)",
    "2.2 how well proxies rank (needs random architectures with scores: proxies in the configuration)",
    "2.3 how well proxies rank, table (needs random architectures with scores: proxies in the configuration)",
    "4.6 best so far by evaluations (needs searches by evaluations)",
    "4.7 best so far by evaluations, table (needs searches by evaluations)",
    "5.4 skip connections by epoch (needs what searches by gradients log)",
    "5.5 collapse, table (needs what searches by gradients log)",
    "5.6 linear models, table (needs searches that log a linear model, such as fox_nas)",
]
"""What the report of these records leaves out."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The report of records, and the report of the CSV of their accuracies."""
    folder = tmp_path_factory.mktemp("made")
    synthetic.make(folder / "records", ("digits", "glyphs"), seeds=2, baseline=3)
    assert build(folder / "records", folder / "ours", report="run") == LEFT_OUT
    assert main(["tables", "--records", str(folder / "ours/accuracies.csv"), "--out", str(folder / "again")]) == 0
    return folder


def titles(page):
    return re.findall(r"<h3>(.*?)</h3>", page)


def test_the_report_is_one_page_with_all_that_the_results_hold(made):
    page = (made / "again/report.html").read_text()
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    shown, left = titles(page), re.findall(r"<li>(\d\.\d [^(]*) \(needs", page)
    spaces = ("darts", "enas", "fbnet", "single_path")
    wanted = [
        f"{heading[0]}.{i} {title}"
        for heading, files in outline.contents(spaces).items()
        for i, title in enumerate(files, 1)
    ]
    assert sorted([*shown, *left]) == wanted
    assert shown == [title for title in wanted if title not in left]
    assert {title[0] for title in left} == {*"1234589"}  # what only records hold, or needs other searches
    assert page.count("<table>") + page.count("<img ") == len(shown)
    assert "snakemake" not in page and "2 runs per method against 3 to 8 random architectures" in page
    assert "<!--" not in page and "place: " not in page  # the heads of the captions


def test_every_heading_of_the_page_can_be_reached_from_its_top(made):
    page = (made / "again/report.html").read_text()
    assert re.findall(r'<a href="#(\d)">', page) == re.findall(r'<h2 id="(\d)">', page)


def test_of_records_nothing_is_left_out(made):
    page = (made / "ours/report.html").read_text()
    assert re.findall(r"<li>(\d\.\d .*?)</li>", page) == LEFT_OUT
    assert titles(page)[-1] == "9.3 times of studies, table"


def test_the_answer_stands_first(made):
    page = (made / "ours/report.html").read_text()
    assert titles(page)[0] == "1.1 methods" and page.index("<h3>1.1 methods") < page.index("<img ")
    assert "The first table is the answer" in page and "authors can say" not in page
    assert "authors can say" in (made / "again/report.html").read_text()


PHONE = """
document.body.style.width = "390px";
document.body.style.margin = document.body.style.padding = 0;
const wide = [...document.querySelectorAll("body *")].filter(node =>
    !node.closest(".table table") && node.getBoundingClientRect().right > 391);
const broken = [...document.images].filter(image => !image.naturalWidth);
const list = document.createElement("pre");
list.id = "seen";
list.textContent = [document.images.length, wide.map(node => node.tagName), broken.length].join(" | ");
document.body.append(list);
"""


def test_the_report_fits_a_phone(made):
    """Opened in Debian's chromium, where it is installed, at a width of 390 pixels: no picture is broken, and nothing
    but tables, which scroll by themselves, is wider."""
    page = (made / "ours/report.html").read_text()
    assert '<meta name="viewport" content="width=device-width' in page
    assert page.count("<table>") == page.count('<div class="table">')
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium: the page was not opened")
    code = f"addEventListener('load', () => {{ {PHONE} }})"
    (made / "phone.html").write_text(page.replace("</body>", f"<script>{code}</script></body>"))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    shown = subprocess.run([browser, *flags, f"file://{made}/phone.html"], capture_output=True, text=True, timeout=120)
    assert "Uncaught" not in shown.stderr
    pictures = page.count("<img ")
    assert re.search(r'<pre id="seen">(.*?)</pre>', shown.stdout)[1] == f"{pictures} |  | 0"


def test_a_report_of_the_needed_columns_alone(tmp_path):
    """Names that would be markup or a path among them."""
    lines = [f"d,a/b <i>,{m},{i},{80 + i}\n" for m in ("random_sampling", "<b>m</b>") for i in range(2)]
    path = tmp_path / "r.csv"
    path.write_text("dataset,space,method,seed,accuracy\n" + "".join(lines))
    assert main(["tables", "--records", str(path), "--out", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out/report.html").read_text()
    assert titles(page)[:3] == ["1.1 methods", "1.2 methods, forest plot", "1.3 verdicts by dataset"]
    assert "<b>m" not in page and "<i>" not in page and "&lt;b&gt;m&lt;/b&gt;" in page
    assert "6.1 space a/b &lt;i&gt; (needs architectures (arch) of methods)" in page


def test_a_space_without_a_finished_run_is_left_out_and_named(tmp_path):
    rows = ["d,s,random_sampling,0,80,done", "d,s,m,0,85,done", "d,t,random_sampling,0,,failed"]
    path = tmp_path / "r.csv"
    path.write_text("\n".join(["dataset,space,method,seed,accuracy,status", *rows]) + "\n")
    left_out = build(path, tmp_path / "out", report="run")
    assert "6.2 space t (needs architectures (arch) of methods)" in left_out
    assert (tmp_path / "out/figures/architectures_t.svg").exists()

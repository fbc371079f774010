"""The pages hold what they say: links lead somewhere, commands can be typed, configurations are configurations, the
index and the site have every page. Imports no torch."""

import csv
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
import yaml

from harness.cli import base as cli
from harness.cli.parts import page as page_of_commands
from harness.plan import config, registry, titles
from harness.report.site import OVERVIEW, whole
from harness.report.snapshot import citation
from tests import pages
from tests.pages import PAGES, Fence, anchors, commands, fences, links

NAMES = [str(page.relative_to(registry.ROOT)) for page in PAGES]
DOCS = [name for name in NAMES if name.startswith("docs/")]
COMMANDS = f"docs/{page_of_commands.NAME}"
SHOWN = [*NAMES, COMMANDS]
"""With the page that is made when the site is built."""


def text(page):
    return page_of_commands.page() if page == COMMANDS else pages.text(page)


def written(page):
    """Files that a page tells its reader to write, and those that its commands make."""
    return {fence.file for fence in fences(text(page)) if fence.file}


@pytest.mark.parametrize("page", SHOWN)
def test_links_lead_to_files_and_headings(page):
    for target in links(text(page)):
        path, _, anchor = target.partition("#")
        file = (registry.ROOT / page).parent / path if path else registry.ROOT / page
        assert file.exists(), f"{page}: {target}"
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), f"{page}: {target}"


@pytest.mark.parametrize("page", DOCS)
def test_links_of_the_site_stay_inside_it(page):
    assert [target for target in links(text(page)) if target.startswith("..")] == []


@pytest.mark.parametrize("page", SHOWN)
def test_commands_parse(page):
    for line in commands(text(page)):
        words = shlex.split(line, comments=True)
        words = words[words.index("harness") + 1 :]
        command = cli.commands.get_command(None, words[0]) if words else None
        assert command or not words, f"{page}: {line}"
        if len(words) > 1:  # else a mention of it
            try:
                command.make_context(words[0], words[1:])
            except click.UsageError as error:
                raise AssertionError(f"{page}: {line}: {error.format_message()}") from None


FOLDERS = "benchmarks|config|docs|harness|methods|protocols|results/published|spaces|tests"


@pytest.mark.parametrize("page", NAMES)
def test_quoted_files_exist(page):
    """Paths in backticks, and configurations in commands."""
    quoted = re.findall(rf"`((?:{FOLDERS})/[\w./-]+)`", text(page))
    quoted = [path for path in quoted if not path.startswith("results/published/my-run")]  # the reader's
    for path in quoted + re.findall(r"\bconfig/\w+\.yaml", text(page)):
        assert (registry.ROOT / path).exists() or path in written(page), f"{page}: {path}"


CODE = ["Snakefile", "config/*.yaml", *(f"{folder}/**/*.py" for folder in "spaces protocols methods harness".split())]


def test_pages_that_the_code_names_exist():
    files = [file for pattern in CODE for file in registry.ROOT.glob(pattern)]
    named = {(file, page) for file in files for page in re.findall(r"\bdocs/[\w-]+\.md", file.read_text())}
    assert {page for _, page in named} & {*DOCS}
    assert [f"{file}: {page}" for file, page in sorted(named) if page not in DOCS] == []


def test_every_command_has_an_example():
    shown = {shlex.split(command, comments=True)[3] for command in commands(text(COMMANDS))}
    assert shown == set(cli.commands.list_commands(None))


YAML = [(page, fence) for page in NAMES for fence in fences(text(page)) if fence.language == "yaml"]


@pytest.mark.parametrize(("page", "fence"), YAML, ids=lambda value: getattr(value, "file", value))
def test_configurations_are_valid(page, fence):
    """Names that the same page adds count as there."""
    added = [Path(file) for file in written(page)]
    plan = config.Config.model_validate(yaml.safe_load(fence.code))
    known = {
        folder: {*registry.names(folder), *(file.stem for file in added if str(file.parent) == folder)}
        for folder in ("methods", "spaces", "protocols")
    }
    assert plan.protocol in known["protocols"]
    assert {entry.method for entry in plan.searches} <= known["methods"]
    assert {entry.space for entry in plan.searches} <= known["spaces"]


def test_there_is_something_to_check():
    assert sum(len(commands(text(page))) for page in NAMES) > 20
    assert sum(len(links(text(page))) for page in NAMES) > 60
    assert YAML
    assert Fence("yaml", "a/b.yaml", "x: 1\n") in fences("The file `a/b.yaml`:\n\n```yaml\nx: 1\n```\n")


def test_every_page_is_in_the_index_and_in_the_site():
    files = {Path(page).name for page in DOCS}
    site = yaml.safe_load((registry.ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(site["nav"]) == sorted({*files, OVERVIEW, page_of_commands.NAME})
    assert {"index.md", *links(text("docs/index.md"))} == files


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(build, cwd=registry.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_is_built_without_a_warning(site):
    assert {file.stem for file in site.glob("*.html")} >= {Path(page).stem for page in [*DOCS, COMMANDS]}


NARROW = """<script>setTimeout(() => {
    const cells = [...document.querySelectorAll(".wy-table-responsive td")];
    const right = Math.max(...cells.map(cell => cell.getBoundingClientRect().right));
    document.body.insertAdjacentHTML("beforeend", `<pre id="seen">${innerWidth} ${right <= innerWidth}</pre>`);
}, 3000);</script></body>"""  # the theme puts its boxes around tables after the page is loaded


def test_a_phone_shows_the_index_whole(site):
    """Seen before: the theme broke no line of a table, and a phone showed its first column alone."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium: the page was not opened")
    (site / "narrow.html").write_text((site / "index.html").read_text().replace("</body>", NARROW))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=500,900", "--virtual-time-budget=9000"]
    command = [browser, *flags, "--dump-dom", f"file://{site}/narrow.html"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert re.findall(r'<pre id="seen">(.*?)</pre>', shown.stdout)[-1] == "500 true"


def test_an_interval_is_not_broken():
    assert whole("| +0.8 [+0.2, +1.3] (a, b) [x](y, z) |") == "| +0.8 [+0.2,&nbsp;+1.3] (a, b) [x](y, z) |"


SNAPSHOTS = [path for path in sorted((registry.ROOT / "results/published").iterdir()) if (path / "records").is_dir()]


@pytest.mark.parametrize("snapshot", SNAPSHOTS, ids=lambda path: path.name)
def test_the_site_shows_every_snapshot_with_what_it_links_to(site, snapshot):
    page, overview = ((site / name).read_text() for name in (f"snapshots/{snapshot.name}.html", "snapshots.html"))
    records = list((snapshot / "records").rglob("*.json"))
    targets = re.findall(rf'(?:href|src)="({snapshot.name}/[^"]+)"', page)
    assert len(targets) == len({*targets}) and len([name for name in targets if "/records/" in name]) == len(records)
    for target in map(unquote, targets):
        copied = site / "snapshots" / target
        assert copied.read_bytes() == (snapshot.parent / target).read_bytes(), target
    assert citation(snapshot) in page and citation(snapshot) in overview
    with open(snapshot / "tables/methods.csv") as file:
        methods = [titles.method(row["method"]) for row in csv.DictReader(file)]
    assert methods and all(f"<td>{method}</td>" in page and f"<td>{method}</td>" in overview for method in methods)


@pytest.mark.parametrize("page", [*DOCS, COMMANDS])
def test_lists_and_tables_begin_after_a_blank_line(page):
    """Without it the site shows their lines as one paragraph."""
    prose = re.sub(r"```.*?```", "", text(page), flags=re.DOTALL)
    for block in re.split(r"\n\s*\n", re.sub(r"^#.*$", "", prose, flags=re.MULTILINE)):
        first, *others = block.strip("\n").splitlines() or [""]
        for mark in ("- ", "| "):
            assert first.startswith(mark) or not any(line.startswith(mark) for line in others), f"{page}: {first}"


def test_the_readme_is_one_page():
    assert len(text("README.md").splitlines()) <= 100


RIDDLES = re.compile(
    r"told from (?:random|chance|a random)|hang on a thread|takes the other along|one to expect|so the order is ours"
    r"|whatever befalls|\b(?:a|one) (?:row|column|card|file|line|run) an? (?:method|space|dataset|run)\b",
    re.IGNORECASE,
)
"""Turns of phrase that readers stumbled over."""


@pytest.mark.parametrize("page", SHOWN)
def test_pages_are_in_plain_english(page):
    assert RIDDLES.findall(" ".join(text(page).split())) == []

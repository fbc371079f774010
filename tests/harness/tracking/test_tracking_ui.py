"""MLflow's pages as a person sees them: opened in Debian's chromium, where that is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.report.build import of_dataset
from harness.report.figures.drawing import draw
from harness.tracking import experiment
from harness.tracking import sync as tracking
from harness.tracking.view import Drawings
from tests import synthetic_records
from tests.tracked import post, served

BROWSER = shutil.which("chromium")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium: MLflow's pages were not opened")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--window-size=1700,1100"]
CELL = "digits/single_path/single_path"
DRAWINGS = Drawings(draw, None, of_dataset)


@pytest.fixture(scope="module", params=["ui", "server"])
def url(request, tmp_path_factory):
    """`ui`: a database that was written directly; `server`: one that was written through its server."""
    folder = tmp_path_factory.mktemp(request.param)
    synthetic_records.make(folder / "records", ("digits",), seeds=2, baseline=2)
    records = sorted((folder / "records").rglob("*.json"))
    store = f"sqlite:///{folder}/mlflow.db"
    if request.param == "ui":
        assert tracking.sync(records, store, DRAWINGS).error is None
    with served(request.param, folder, "--backend-store-uri", store) as url:
        if request.param == "server":
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("MLFLOW_TRACKING_URI", url)
                while tracking.sync(records, drawings=DRAWINGS).error:  # a slow machine: each call brings some more
                    pass
        yield url


def page(url: str, place: str, folder: Path, name: str, until: str = "", attempts: int = 4) -> str:
    """The page's elements when all is drawn, or once it has `until`: what chromium's workers draw needs real time,
    and a loaded machine more of it. Its picture lies in `folder`, for eyes."""
    flags = [*FLAGS, f"--user-data-dir={folder}/{name}", "--virtual-time-budget=120000"]
    command = [BROWSER, *flags, f"--screenshot={folder}/{name}.png", "--dump-dom", f"{url}/#/experiments/1/{place}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert "Uncaught" not in done.stderr
    if until in done.stdout or attempts == 1:
        return done.stdout
    return page(url, place, folder, name, until, attempts - 1)


def text(page: str) -> str:
    return re.sub(r"<[^>]*>", "", page)


def run_named(url: str, name: str) -> str:
    found = post(url, "runs/search", {"experiment_ids": ["1"], "filter": f"attributes.run_name = '{name}'"})["runs"]
    assert len(found) == 1
    return found[0]["info"]["run_id"]


def comparison(url: str) -> str:
    words = "tags.role = 'comparison' and tags.method = 'single_path'"
    (found,) = post(url, "runs/search", {"experiment_ids": ["1"], "filter": words})["runs"]
    return found["info"]["run_id"]


def columns_of(page: str) -> list[str]:
    """Tags and metrics of the table of runs, from left to right."""
    found = re.findall(r'role="columnheader"[^>]* aria-colindex="(\d+)" col-id="(?:tags|metrics)\.`([^`]+)`"', page)
    return [name for _, name in sorted((int(place), name) for place, name in found)]


def test_the_table_of_runs_opens_with_the_comparisons(url, tmp_path):
    shown = page(url, "runs", tmp_path, "runs")
    for words in ("single_path -", "Against random architectures", "single_path.py"):
        assert words in text(shown)
    assert "0ms" not in text(shown)


def test_the_ready_views(url, tmp_path):
    shown = page(url, "runs?viewStateShareKey=comparisons", tmp_path, "comparisons")
    columns = ["method", "dataset", "space", "test_accuracy_percent", "RI", "verdict"]
    assert columns_of(shown)[:6] == columns
    for words in ("Comparisons with random", "not distinguishable", "8 matching runs"):
        assert words in text(shown)
    assert "train 0" not in shown
    shown = page(url, "runs?viewStateShareKey=trainings", tmp_path, "trainings")
    for words in (f"train 0: {CELL}", "test_accuracy_percent", "macs"):
        assert words in shown


def test_the_verdict_has_room():
    """Beside MLflow's assistant, which is open at first, a window of 1600 pixels leaves 863 for the columns."""
    shown = [*experiment.PINNED, *experiment.VIEWS["comparisons"][3][:6]]
    assert "verdict" in shown[-1] and sum(experiment.WIDTHS.get(name, 100) for name in shown) <= 863


def test_a_chart_is_drawn(url, tmp_path):
    line = 'class="js-line"'
    shown = page(url, f"runs/{run_named(url, f'train 0: {CELL}')}/model-metrics", tmp_path, "charts", line)
    assert re.search(r"epoch\s*\(3\)", text(shown))
    assert line in shown and "accuracy_percent" in shown


def test_an_artifact_is_shown(url, tmp_path):
    run = run_named(url, f"train 0: {CELL}")
    shown = page(url, f"runs/{run}/artifacts/architecture.png", tmp_path, "picture")
    assert "curves.csv" in shown
    assert "<img" in shown.partition("Path:")[2]
    assert "test_accuracy" in page(url, f"runs/{run}/artifacts/record.json", tmp_path, "record")


def test_a_comparison_says_its_verdict(url, tmp_path):
    run = comparison(url)
    shown = page(url, f"runs/{run}", tmp_path, "comparison")
    for words in ("Relative improvement", "corrected over 4 rows", "train 0", "verdict"):
        assert words in shown
    for name in ("table.html", "forest.png"):
        assert name in page(url, f"runs/{run}/artifacts/{name}", tmp_path, name)


def test_no_tab_of_metrics_is_empty(url, tmp_path):
    """These records have measured their seconds alone."""
    for run in (comparison(url), run_named(url, f"train 0: {CELL}")):
        shown = page(url, f"runs/{run}/system-metrics", tmp_path, run)
        assert re.search(r"System metrics\s*\(1\)", text(shown))

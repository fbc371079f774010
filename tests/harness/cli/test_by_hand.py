"""Jobs started by hand: what is wrong is one line before any work, and a job that fails does not exit with 0."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from harness import records
from harness.__main__ import main
from harness.plan import config, datasets, registry
from harness.plan.jobs import data_folder
from harness.report.snapshot import _copy_config
from harness.running.pipeline import Pipeline
from methods.random_sampling import RandomSampling
from protocols.datasets import manifest
from tests.protocols.datasets.pictures import pictures

JOB = ["--protocol", "smoke", "--space", "fbnet"]
SEARCH = ["search", *JOB, "--dataset", "digits", "--method", "fbnet"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "_FOLDERS", {})
    for name in ("cat", "dog"):
        pictures(tmp_path / "birds" / name, 6, side=8)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["search", *JOB, "--dataset", "digitz", "--method", "fbnet"],
            "unknown dataset 'digitz': did you mean digits?",
        ),
        (
            SEARCH,
            "digits is not prepared in work/data/digits-8: run: python -m harness data --dataset digits --image 8",
        ),
        (["search", *JOB, "--dataset", "digits"], "Missing option '--method'"),
        (["search", *JOB, "--dataset", "birds", "--method", "fbnet"], "did you mean the folder of images folder:birds"),
        (
            [*SEARCH, "--data", "nowhere"],
            "not prepared in nowhere: run: python -m harness data --dataset digits --image 8 --out nowhere",
        ),
        (
            ["search", "--protocol", "lookup", "--space", "enas", "--dataset", "digits", "--method", "random_search"],
            "protocol lookup looks accuracies up, and digits is no table: name table:FOLDER#NAME",
        ),
        ([*SEARCH, "--hours", "nan"], "not a number of hours above 0"),
        ([*SEARCH, "--hours", "-1"], "not a number of hours above 0"),
        ([*SEARCH, "--seed", "-1"], "a whole number of at least 0"),
        (["train", *JOB, "--dataset", "digits"], "Give exactly one of --search and --arch."),
        (["train", *JOB, "--dataset", "digits", "--search", "nowhere.json"], "nowhere.json: no such file: name"),
        (["train", *JOB, "--dataset", "digits", "--arch", "{darts}"], "it is an architecture of darts"),
        (["describe", "--space", "enas", "--arch", "{fbnet}"], "it is an architecture of fbnet: --space fbnet"),
        (["describe", "--space", "darts", "--arch", "{nasbench201}"], "of nasbench201: --space nasbench201"),
        (["describe", "--space", "darts", "--arch", "words"], "there is no bracket; Genotype(normal=[('sep_conv_3x3'"),
        (["status", "--config", "nowhere.yaml"], "nowhere.yaml: No such file or directory"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(words, says, here, capsys):
    texts = {name: registry.space(name) for name in ("darts", "fbnet", "nasbench201")}
    texts = {name: space.text(space.sample(random.Random(0))) for name, space in texts.items()}
    words = [texts.get(word.strip("{}"), word) if word.startswith("{") else word for word in words]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1 and not (here / "results").exists()


def test_a_search_that_fails_by_hand_exits_with_1(here):
    command = [sys.executable, "-m", "harness"]
    datasets.prepare(datasets.named("digits"), 8, data_folder("digits", 8), Path("data"))
    words = [*SEARCH, "--hours", "1e-9", "--out", "r.json"]
    done = subprocess.run([*command, *words], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.endswith("error: timeout: not finished after 1e-09 hours\n")
    assert records.read(Path("r.json"))["status"] == "timeout"


def test_a_method_that_fails_by_hand_is_one_line_and_its_traceback_a_file(here, monkeypatch, capfd):
    def fails(self, run):
        raise ValueError("no such\nthing")

    monkeypatch.setattr(RandomSampling, "search", fails)
    datasets.prepare(datasets.named("digits"), 8, data_folder("digits", 8), Path("data"))
    assert main(["search", *JOB, "--dataset", "digits", "--method", "random_sampling", "--out", "r.json"]) == 1
    said, trace = capfd.readouterr().err, "work/digits/fbnet/random_sampling/search-0.traceback"
    name = "digits/fbnet/random_sampling/search-0"
    assert said == f"error: {name}: failed: ValueError: no such thing (r.json; {trace})\n"
    assert 'raise ValueError("no such\\nthing")' in Path(trace).read_text()
    assert records.read(Path("r.json"))["status"] == "failed"
    words = ["train", *JOB, "--dataset", "digits", "--search", "r.json", "--out", "t.json"]
    assert main(words) == 2 and not Path("t.json").exists()
    assert "r.json has no architecture: the search failed: ValueError: no such" in capfd.readouterr().err


def test_the_search_of_a_training_is_a_search_in_its_space(here, capsys):
    datasets.prepare(datasets.named("digits"), 8, data_folder("digits", 8), Path("data"))
    words = ["--protocol", "smoke", "--dataset", "digits"]
    assert main(["search", *words, "--space", "enas", "--method", "random_sampling", "--out", "r.json"]) == 0
    assert main(["train", *words, "--space", "fbnet", "--search", "r.json", "--out", "t.json"]) == 2
    said = capsys.readouterr().err
    assert said == "error: record r.json is of a search in enas: --space enas\n" and not Path("t.json").exists()


def test_a_folder_is_one_dataset_however_it_is_written_and_noticed_when_it_changes(here, capsys):
    assert main(["data", "--dataset", "folder:birds", "--image", "8"]) == 0
    said = capsys.readouterr().out
    assert "12 images of 8x8 pixels, 2 classes" in said and "how they look: work/data/folder-birds-" in said
    (here / "birds/cat/image_00001.png").rename(here / "birds/dog/other.png")
    words = ["search", *JOB, "--dataset", "folder:birds//", "--method", "random_sampling"]
    assert main(words) == 2
    assert "files of folder:birds have changed since work/data/folder-birds-" in capsys.readouterr().err


CONFIG = """
protocol: smoke
datasets: [digits, {name: birds, folder: ~/birds/}]
seeds: 1
random: 2
searches: [{method: fbnet, space: fbnet}]
"""


def test_a_configuration_names_folders(here, monkeypatch):
    monkeypatch.setenv("HOME", str(here))
    path = here / "mine.yaml"
    path.write_text(CONFIG)
    found = config.load(path)
    assert found.datasets == ["digits", "birds"] and datasets.named("birds").classes == 2
    pipeline = Pipeline(path, {})
    assert pipeline.datasets["birds"] == "birds" and pipeline.source("birds") == "--folder '~/birds/'"
    assert pipeline.source("digits") == "" and {job.key["dataset"] for job in pipeline.jobs} == {"digits", "birds"}
    folder = data_folder("birds", 8)
    assert main(["data", "--dataset", "birds", "--folder=~/birds", "--image", "8"]) == 0
    first = manifest(folder)["sha256"]
    assert len(pipeline.batches()) and manifest(folder)["sha256"] == first
    (here / "birds/cat/image_00001.png").rename(here / "birds/dog/other.png")
    assert len(pipeline.batches()) and manifest(folder)["sha256"] != first  # prepared again, before anything is planned
    _copy_config(path, here / "copy.yaml")
    assert "{name: birds, folder: birds/}" in (here / "copy.yaml").read_text()


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("{name: mit67, folder: birds}", "dataset name 'mit67' is taken or no name"),
        ("{name: birds, folder: nowhere}", "image folder nowhere does not exist"),
        ("{name: birds}", "datasets: write a folder of images as {name: birds, folder: PATH}"),
        ("{name: birds, folder: birds}, birds", "'birds' stands twice"),
    ],
)
def test_folders_that_cannot_be_named(written, says, here):
    (here / "mine.yaml").write_text(CONFIG.replace("{name: birds, folder: ~/birds/}", written))
    with pytest.raises(config.UserError, match=says) as caught:
        config.load(here / "mine.yaml")
    assert "\n" not in str(caught.value)

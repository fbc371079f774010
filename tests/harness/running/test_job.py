"""A job does its work once, keeps what it did, and turns every failure into a record that says why."""

import dataclasses
import json
import random
import subprocess
import sys

import numpy as np
import pytest

from harness import records
from harness.plan import datasets, registry
from harness.plan.jobs import Search, Training
from harness.running.job import JobPaths, search, train
from methods.base import Method
from methods.random_sampling import RandomSampling
from protocols.datasets.parts.store import prepare
from spaces.base import UserError

JOB = Search("smoke", "digits", "darts", "random_sampling", 0)


@pytest.fixture
def paths(data, tmp_path):
    return JobPaths(data, tmp_path / "record.json", tmp_path / "work")


def method(monkeypatch, body):
    """The job's method is one whose search is `body`."""

    @dataclasses.dataclass(frozen=True)
    class Users(Method):
        def search(self, run):
            return body(run)

    monkeypatch.setattr(registry, "method", lambda name, **fields: Users())


def draws(library):
    def body(run):
        import torch

        {"random": random.random, "numpy": np.random.rand, "torch": lambda: torch.rand(1)}[library]()
        return run.space.sample(run.rng)

    return body


def allocates(run):
    import torch

    torch.empty(2**55)


def raises(run):
    raise ValueError("no idea")


FAILURES = {
    "raises": (raises, "failed", "ValueError: no idea"),
    "returns nothing": (lambda run: None, "failed", "returned None, which is no architecture of space darts"),
    "returns nonsense": (lambda run: (1, 2), "failed", "which is no architecture of space darts"),
    "draws from random": (draws("random"), "failed", "drew from random's global generator"),
    "draws from numpy": (draws("numpy"), "failed", "drew from numpy's global generator"),
    "draws from torch": (draws("torch"), "failed", "drew from torch's global generator"),
    "out of memory": (allocates, "oom", "memory"),
    "logs infinity": (lambda run: [run.log(loss=float("inf")) for _ in run.epochs()], "diverged", "loss is inf"),
    "evaluates too often": (
        lambda run: [run.evaluate(run.space.sample(run.rng)) for _ in range(5)],
        "failed",
        "more than the 4 evaluations",
    ),
}


@pytest.mark.parametrize("body, status, reason", FAILURES.values(), ids=FAILURES.keys())
def test_a_failing_method_is_a_record(body, status, reason, monkeypatch, paths):
    method(monkeypatch, body)
    search(JOB, paths)
    record = records.read(paths.out)
    assert record["status"] == status
    assert reason in record["reason"]
    assert not (paths.work / "finished").exists()  # tried again when its cause is mended


def test_a_training_that_diverges_stops_and_says_when(monkeypatch, paths):
    protocol = registry.protocol("smoke")
    recipe = dataclasses.replace(protocol.default.recipe, lr=1e30, clip=1e30, epochs=5)
    wild = dataclasses.replace(protocol, default=dataclasses.replace(protocol.default, recipe=recipe))
    monkeypatch.setattr(registry, "protocol", lambda name: wild)
    arch = registry.space("darts").sample(random.Random(0))
    found = {"status": "done", "arch": registry.space("darts").text(arch)}
    record = train(Training(JOB), found, paths)
    assert record["status"] == "diverged"
    assert "loss is" in record["reason"]
    assert len(record["curves"]["loss"]) < 5
    assert "test_accuracy" not in record["result"]


def test_the_training_of_a_failed_search_says_so(paths):
    record = train(Training(JOB), {"status": "diverged", "reason": "loss is nan"}, paths)
    assert (record["status"], record["reason"]) == ("failed", "RuntimeError: the search diverged: loss is nan")


def counted(monkeypatch):
    """Counts the searches that are really done."""
    done = []

    def body(run):
        done.append(run.job.seed)
        return RandomSampling().search(run)

    method(monkeypatch, body)
    return done


def test_what_is_finished_is_not_done_again(monkeypatch, paths):
    """As after a kill of snakemake between a job's end and its noting it: the output is deleted, the job started."""
    done = counted(monkeypatch)
    search(JOB, paths)
    before = paths.out.read_bytes()
    paths.out.unlink()
    search(JOB, paths)
    assert paths.out.read_bytes() == before
    assert done == [0]
    search(dataclasses.replace(JOB, seed=1), paths)
    assert done == [0, 1]


def test_a_kept_record_that_was_edited_is_reported_and_made_again(monkeypatch, paths, capsys):
    done = counted(monkeypatch)
    search(JOB, paths)
    (kept,) = (paths.work / "finished").iterdir()
    kept.write_text(kept.read_text().replace('"done"', '"gone"'))
    search(JOB, paths)
    assert done == [0, 0]
    assert "ignored" in capsys.readouterr().err
    assert records.read(paths.out)["status"] == "done"


def test_other_images_or_versions_make_another_record(monkeypatch, paths, tmp_path):
    done = counted(monkeypatch)
    search(JOB, paths)
    prepare(datasets.named("digits"), 10, tmp_path / "digits-10")
    search(JOB, dataclasses.replace(paths, data=tmp_path / "digits-10"))
    assert done == [0, 0]
    monkeypatch.setattr(records, "environment", lambda *names: {"torch": "9.9", "commit": "c"})
    search(JOB, paths)
    assert done == [0, 0, 0]


TABLES = "write_tables(Analysis(read_results(Path('records.csv'))), Path('tables'))"
FULL = {
    "record": (1000, "main.main([*job, '--method', 'random_sampling'])", "work/finished/"),
    "checkpoint": (5000, "main.main([*job, '--method', 'darts'])", "work/digits/darts/darts/search-0.checkpoint"),
    "table": (500, TABLES, "tables/methods.html"),
}


@pytest.mark.parametrize("limit, call, name", FULL.values(), ids=FULL.keys())
def test_a_full_disk_is_no_result(paths, tmp_path, limit, call, name):
    """A file-size limit stands in for the disk: the write fails in the middle, and no half of a file stays."""
    code = f"""
import resource, signal, sys
from pathlib import Path
from harness import __main__ as main
from harness.analysis.analysis import Analysis
from harness.analysis.results import read_results
from harness.report.build import write_tables
from spaces.base import UserError
job = ["search", "--protocol", "smoke", "--dataset", "digits", "--space", "darts", "--data", {str(paths.data)!r}]
job += ["--out", "record.json"]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    sys.exit({call})
except UserError as error:
    sys.exit(f"error: {{error}}")
"""
    runs = [(method, seed) for method in ("random_sampling", "darts") for seed in range(4)]
    rows = [f"digits,darts,{method},{seed},0.{seed + 5}" for method, seed in runs]
    (tmp_path / "records.csv").write_text("\n".join(["dataset,space,method,seed,accuracy", *rows]) + "\n")
    # No bytecode: Python itself would write it short, and find it so next time.
    environment = {"PYTHONPATH": str(registry.ROOT), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode in (1, 2)
    assert run.stderr.startswith(f"error: cannot write {name}") and "File too large" in run.stderr
    assert run.stderr.count("\n") == 1
    assert not (tmp_path / name).is_file() and not list(tmp_path.rglob("*.tmp"))


def test_an_output_that_cannot_be_written_is_one_line(paths, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match="cannot write .*file/record.json: "):
        search(JOB, dataclasses.replace(paths, out=tmp_path / "file" / "record.json"))


def test_records_name_the_paths_of_their_numbers(paths):
    search(JOB, paths)
    assert json.loads(paths.out.read_text())["key"]["method"] == "random_sampling"


def test_the_environment_names_the_numerics(paths):
    environment = search(JOB, paths)["environment"]
    assert environment["numerics"] == "portable" and environment["kernels"] != ""


def test_numerics_that_are_not_those_of_this_process(paths):
    import torch  # noqa: F401

    with pytest.raises(UserError, match="torch is loaded already, with other numerics than native: run this in a proc"):
        search(dataclasses.replace(JOB, numerics="native"), paths)


def test_a_compiler_that_fails_is_no_other_numerics(paths, monkeypatch):
    """The fingerprint, made before anything is compiled, says kernels."""
    monkeypatch.setattr("harness.running.job.compiler", lambda: None)
    monkeypatch.setenv("CC", sys.executable)
    with pytest.raises(UserError, match="the kernels do not compile: mend the compiler"):
        search(JOB, paths)
    monkeypatch.setenv("NAS_KERNELS", "0")
    assert search(JOB, paths)["environment"]["kernels"] == "none"

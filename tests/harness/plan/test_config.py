"""Configurations: what is planned from them, and every mistake refused in one line that names the place."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.plan import config, registry
from harness.plan.jobs import Search, Training
from protocols.base import Budget, Recipe
from spaces.base import UserError

GOOD = {
    "protocol": "smoke",
    "datasets": ["digits", "glyphs"],
    "seeds": 2,
    "random": 3,
    "searches": [{"method": "darts", "space": "darts"}, {"method": "enas", "space": "enas"}],
    "depth_gap": {"space": "darts", "datasets": ["digits"], "architectures": 4, "cells": [3, 5], "repeats": 2},
}


def load(tmp_path, text):
    path = tmp_path / "benchmark.yaml"
    path.write_text(text if isinstance(text, str) else yaml.safe_dump(text))
    return config.load(path)


def test_the_plan(tmp_path):
    plan = load(tmp_path, GOOD)
    digits, glyphs = plan.searches_of("digits"), plan.searches_of("glyphs")
    assert len(glyphs) == 2 * 2 + 2 * 3  # two methods, two seeds; two spaces, three random architectures
    assert len(digits) == 2 * 2 + 3 + 4  # the depth gap wants a fourth random architecture of its space
    assert Search("smoke", "digits", "enas", "random_sampling", 2) in digits
    trainings = plan.trainings_of("digits")
    assert len(trainings) == len(set(trainings)) == 5 + (4 + 2) * 4  # enas once; darts at two depths, twice each
    assert Training(Search("smoke", "digits", "darts", "darts", 1), (("cells", 5),), 1) in trainings
    assert {job.name for job in trainings}.isdisjoint(job.name for job in digits)


def test_tables_are_named_after_the_protocol_and_the_file(tmp_path):
    names = {"benchmark.yaml": "benchmark", "my own {1}.yaml": "my-own-1-", "a.b.yml": "a.b"}
    for file, name in names.items():
        (tmp_path / file).write_text(yaml.safe_dump(GOOD))
        assert config.load(tmp_path / file, {"seeds": 5}).results == Path("results/smoke", name)
    assert config.load(tmp_path / "a.b.yml").title == "smoke-a.b"
    (tmp_path / "records.yaml").write_text(yaml.safe_dump(GOOD))
    with pytest.raises(UserError, match=r"records.yaml: the name of the file .* is taken: rename it"):
        config.load(tmp_path / "records.yaml")


def test_a_search_is_on_the_datasets_that_it_names(tmp_path):
    searches = [*GOOD["searches"], {"method": "fbnet", "space": "fbnet", "datasets": ["glyphs"]}]
    plan = load(tmp_path, GOOD | {"searches": searches})
    spaces = {name: {search.space for search in plan.searches_of(name)} for name in ("digits", "glyphs")}
    assert spaces == {"digits": {"darts", "enas"}, "glyphs": {"darts", "enas", "fbnet"}}


def test_shipped_configurations_are_good(photographs):
    for path in sorted((registry.ROOT / "config").glob("*.yaml")):
        plan = config.load(path)
        assert all(plan.trainings_of(dataset) for dataset in plan.datasets)


def test_parameters_reach_the_method_and_its_fingerprint(tmp_path):
    entry = {"method": "darts", "space": "darts", "set": {"order": 2}}
    changed = load(tmp_path, GOOD | {"searches": [entry]}).searches_of("digits")
    plain = load(tmp_path, GOOD | {"searches": [{"method": "darts", "space": "darts"}]}).searches_of("digits")
    by_name = {job.name: job.fingerprint() for job in plain}
    for job in changed:
        assert (by_name[job.name] != job.fingerprint()) == (job.method == "darts")


def test_numbers_in_scientific_notation_are_numbers(tmp_path):
    text = yaml.safe_dump(GOOD).replace("method: enas", "method: enas\n  set: {controller_lr: 1e-3}", 1)
    entries = {entry.method: entry for entry in load(tmp_path, text).searches}
    assert entries["enas"].set == {"controller_lr": 0.001}


def changed(**keys):
    return yaml.safe_dump({**GOOD, **keys})


def without(key):
    return yaml.safe_dump({k: v for k, v in GOOD.items() if k != key})


BAD = {
    "protocol misspelt": (changed(protocol="smoek"), "unknown protocol 'smoek': did you mean smoke"),
    "dataset misspelt": (changed(datasets=["digit"]), "did you mean digits"),
    "dataset twice": (changed(datasets=["digits", "digits"]), "stands twice"),
    "no dataset": (changed(datasets=[]), "datasets"),
    "folder missing": (changed(datasets=["folder:/nowhere"]), "/nowhere"),
    "method misspelt": (changed(searches=[{"method": "dart", "space": "darts"}]), "did you mean darts"),
    "space in capitals": (changed(searches=[{"method": "darts", "space": "DARTS"}]), "'DARTS': did you mean darts?"),
    "protocol in capitals": (changed(protocol="SMOKE"), "unknown protocol 'SMOKE': did you mean smoke?"),
    "space misspelt": (changed(searches=[{"method": "darts", "space": "dars"}]), "did you mean darts"),
    "method does not fit": (
        changed(searches=[{"method": "single_path", "space": "darts"}]),
        "cannot search space darts",
    ),
    "search of another dataset": (
        changed(searches=[{"method": "darts", "space": "darts", "datasets": ["elpv"]}]),
        "searches, darts: unknown dataset 'elpv'",
    ),
    "dataset without a search": (
        changed(searches=[{"method": "darts", "space": "darts", "datasets": ["digits"]}]),
        "no search is on glyphs",
    ),
    "baseline by hand": (changed(searches=[{"method": "random_sampling", "space": "darts"}]), "by itself"),
    "search twice": (
        changed(
            searches=[{"method": "darts", "space": "darts"}, {"method": "darts", "space": "darts", "set": {"order": 2}}]
        ),
        "darts in darts stands twice: keep one, or give the other a name of its own",
    ),
    "unknown parameter": (
        changed(searches=[{"method": "darts", "space": "darts", "set": {"ordr": 2}}]),
        "unknown parameter of darts 'ordr': did you mean order",
    ),
    "parameter of wrong type": (
        changed(searches=[{"method": "darts", "space": "darts", "set": {"order": "second"}}]),
        "order",
    ),
    "unknown key": (changed(seed=3), "unknown key 'seed': did you mean seeds"),
    "unknown key inside": (changed(depth_gap={**GOOD["depth_gap"], "repeat": 2}), "did you mean repeats"),
    "key missing": (without("seeds"), "seeds: Field required"),
    "zero seeds": (changed(seeds=0), "seeds: Input should be greater than or equal to 1, got 0"),
    "negative seeds": (changed(seeds=-3), "got -3"),
    "seeds as text": (changed(seeds="three"), "got 'three'"),
    "seeds as fraction": (changed(seeds=2.5), "got 2.5"),
    "seeds as truth": (changed(seeds=True), "seeds"),
    "one random architecture": (changed(random=1), "random"),
    "depth gap of an unknown space": (changed(depth_gap={**GOOD["depth_gap"], "space": "fbnt"}), "depth_gap.space"),
    "depth gap of another dataset": (
        changed(depth_gap={**GOOD["depth_gap"], "datasets": ["elpv"]}),
        "depth_gap.datasets",
    ),
    "depth gap of one depth": (changed(depth_gap={**GOOD["depth_gap"], "cells": [8]}), "depth_gap.cells"),
    "zero cells": (changed(depth_gap={**GOOD["depth_gap"], "cells": [0, 8]}), "depth_gap.cells.0"),
    "key in capitals": (
        yaml.safe_dump({**GOOD, "Seeds": 1}).replace("\nseeds: ", "\n# "),
        "unknown key 'Seeds': did you",
    ),
    **{
        f"folder as {one}": (changed(datasets=["digits", one]), "datasets: write a folder of images as {name: birds,")
        for one in ({"name": "birds"}, {"name": "birds", "folder": ""}, {"title": "b", "folder": "x"}, {"birds": "x"})
    },
    "key twice": (changed() + "seeds: 3\n", 'found duplicate key "seeds"'),
    "not YAML": ("protocol: [smoke", "is not YAML"),
    "a tag": ("protocol: !!python/object/apply:os.system ['true']", "is not YAML"),
    "empty": ("", "the file"),
    "a list": ("- smoke", "the file"),
    "a key that is a list": ("? [a, b]\n: c", "protocol: Field required"),
}


@pytest.mark.parametrize("text, message", BAD.values(), ids=BAD.keys())
def test_mistakes_are_refused_in_one_line(tmp_path, text, message):
    with pytest.raises(UserError) as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert message in str(caught.value)
    assert "benchmark.yaml" in str(caught.value)


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: Budget(epochs=0, batch=32), "Budget.epochs must be at least 1, got 0"),
        (lambda: Budget(epochs=1, batch=1), "Budget.batch must be at least 2, got 1"),
        (lambda: Recipe(epochs=-1, batch=32, lr=0.1), "Recipe.epochs must be at least 1, got -1"),
        (lambda: Recipe(epochs=1, batch=32, lr=float("nan")), "Recipe.lr must be at least 0, got nan"),
    ],
)
def test_a_protocol_that_cannot_train_is_refused(make, says):
    with pytest.raises(UserError, match=says):
        make()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"absent\.yaml: No such file"):
        config.load(tmp_path / "absent.yaml")


def test_snakemake_refuses_before_any_job(tmp_path):
    (tmp_path / "bad.yaml").write_text(changed(protocol="smoek"))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "all", "--configfile", str(tmp_path / "bad.yaml")]
    done = subprocess.run([*command, "-n"], cwd=registry.ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "did you mean smoke" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_paper_dataset_stops_before_any_job(tmp_path):
    """A dry run lists the jobs all the same."""
    for name in ("Snakefile", "environment.yaml", "config"):
        (tmp_path / name).symlink_to(registry.ROOT / name)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "all", "--configfile", "config/paper.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
    options = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True}
    command += ["--config", "seeds=1", "random=2"]  # fewer jobs to plan
    planned = subprocess.run([*command, "-n", "--quiet", "rules"], **options)
    assert planned.returncode == 0
    done = subprocess.run([*command, f"data_root={tmp_path / 'data'}"], **options)
    assert done.returncode != 0
    assert not (tmp_path / "work").exists()
    assert "cifar-10" in done.stderr
    assert str(Path(tmp_path)) in done.stderr
    assert "Traceback" not in done.stderr


def test_the_study_of_schedules_shares_its_trainings_with_the_default_run():
    default, study = (config.load(registry.ROOT / f"config/{name}.yaml") for name in ("default", "schedule"))
    for dataset in default.datasets:
        new = set(study.jobs_of(dataset)) - set(default.jobs_of(dataset))
        assert sorted(job.setting.training.epochs for job in new) == [12] * 4 * 6 + [36] * 4 * 6  # again, and longer


def test_numerics_of_a_configuration_go_to_every_job():
    name = registry.ROOT / "config/smoke.yaml"
    assert {job.mode for job in config.load(name).jobs_of("digits")} == {"portable"}
    native = config.load(name, {"numerics": "native"}).jobs_of("digits")
    assert {job.mode for job in native} == {"native"}
    with pytest.raises(UserError, match="numerics: Input should be 'portable' or 'native', got 'fast'"):
        config.load(name, {"numerics": "fast"})

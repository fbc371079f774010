"""The shape of the house: imports run one way, planning needs no torch, every method says where it departs."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.plan import registry
from tests import house

ROOT = registry.ROOT
MAY_IMPORT = {
    "spaces": set(),
    "protocols": {"spaces"},
    "methods": {"spaces", "protocols"},
    "proxies": set(),
    "harness": {"spaces", "protocols", "methods", "proxies"},
    "benchmarks": {"spaces", "protocols", "methods", "proxies", "harness"},
    "harness.plan": set(),
    "harness.records": {"harness.plan"},
    "harness.running": {"harness.plan", "harness.records"},
    "harness.analysis": {"harness.plan", "harness.records"},
    "harness.tracking": {"harness.plan", "harness.records", "harness.analysis"},
    "harness.report": {"harness.plan", "harness.records", "harness.running", "harness.analysis"},
    "harness.cli": {
        "harness.plan",
        "harness.records",
        "harness.running",
        "harness.analysis",
        "harness.tracking",
        "harness.report",
    },
    "harness.__main__": {"harness.cli"},
}
"""Who may import whom, inside functions and for type checkers too."""


def test_imports_run_one_way():
    arrows = house.packages(house.arrows(), 1) | {
        name: {other for other in others if other.startswith("harness.")}
        for name, others in house.packages(house.arrows(), 2).items()
        if name.startswith("harness.")
    }
    assert {name: others - MAY_IMPORT[name] for name, others in arrows.items() if others - MAY_IMPORT[name]} == {}


def test_there_are_no_import_circles():
    assert house.circles(house.arrows()) == []


def test_circles_are_found():
    assert house.circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


def test_private_modules_stay_in_their_package():
    for name, others in house.arrows().items():
        for other in others:
            package, _, last = other.rpartition(".")
            assert not last.startswith("_") or name.startswith(f"{package}."), f"{name} imports {other}"


def test_nothing_knows_the_tests():
    assert [path for path in house.FILES if any(name.startswith("tests") for name in house.imports(path))] == []


def importing(library: str, anywhere: bool = True) -> set[str]:
    """The modules of the house that import a library."""
    return {
        name
        for name, path in house.modules().items()
        if any(other.split(".")[0] == library for other in house.imports(path, anywhere))
    }


def test_entries_import_no_torch():
    """Planning reads what spaces, methods, protocols and proxies say of themselves."""
    folders = ("spaces", "methods", "protocols", "proxies")
    entries = {f"{folder}.{name}" for folder in folders for name in registry.names(folder)}
    entries |= {f"spaces.{name}.space" for name in registry.names("spaces")}
    assert not entries & importing("torch", anywhere=False)


def test_only_tracking_talks_to_mlflow():
    assert {name.rpartition(".")[0] for name in importing("mlflow")} == {"harness.tracking"}


def modules_after(code: str, folder: Path = ROOT) -> set[str]:
    code += "\nimport sys; print(*sorted(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_planning_imports_no_torch():
    code = """
from pathlib import Path
from harness.plan import config
plan = config.load(Path("config/smoke.yaml"))
jobs = [job for d in plan.datasets for job in [*plan.searches_of(d), *plan.trainings_of(d)]]
[job.fingerprint() for job in jobs]
"""
    assert not modules_after(code) & {"torch", "pandas", "mlflow", "numpy"}


@pytest.mark.parametrize("method", ["darts", "random_sampling"])
def test_jobs_import_nothing_heavy_but_torch(method, tmp_path):
    """From their start to their end: a training, with the search in front of it."""
    shell = [sys.executable, "-m", "harness", "data", "--dataset", "digits", "--image", "8"]
    subprocess.run(shell, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=True)
    job = f"--protocol smoke --dataset digits --space darts --method {method} --seed 0"
    code = f"""
from harness.__main__ import main
assert main("search {job} --out search.json".split()) == 0
assert main("train {job} --cells 4 --repeat 0 --search search.json --out train.json".split()) == 0
"""
    modules = modules_after(code, tmp_path)
    assert "torch" in modules
    assert not modules & {"torchvision", "pandas", "mlflow", "scipy", "sklearn", "matplotlib", "PIL"}
    assert not modules & {"torch._dynamo", "torch._inductor", "sympy"}  # torch's compiler: 1 s and 110 MB


def test_sampling_imports_no_torch():
    modules = modules_after("from harness.__main__ import main; main(['sample', '--space', 'darts'])")
    assert "torch" not in modules


@pytest.mark.parametrize("name", registry.names("methods"))
def test_methods_say_where_they_depart(name):
    doc = ast.get_docstring(ast.parse((ROOT / "methods" / f"{name}.py").read_text(encoding="utf-8"))) or ""
    cls = type(registry.method(name)).__doc__ or ""
    assert "Departs from the paper:" in doc + cls


@pytest.mark.parametrize("name", registry.names("protocols"))
def test_protocols_have_a_version_and_an_expectation(name):
    assert registry.protocol(name).version.startswith(name)
    doc = ast.get_docstring(ast.parse((ROOT / "protocols" / f"{name}.py").read_text(encoding="utf-8")))
    assert "Expected:" in doc


def test_nothing_unsafe():
    """No eval or exec, no pickle from disk, no shell."""
    for path in house.FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("eval", "exec", "os.system", "pickle.load", "pickle.loads", "yaml.load"), path
                keywords = {k.arg: ast.unparse(k.value) for k in node.keywords}
                assert keywords.get("shell") != "True", path
                if called == "torch.load":
                    assert keywords.get("weights_only") == "True", path
                if called == "np.load":
                    assert keywords.get("allow_pickle") == "False", path

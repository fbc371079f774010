"""The shape of the house: imports run one way, planning needs no torch, every method says where it departs."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import registry

ROOT = registry.ROOT
ORDER = ["spaces", "protocols", "methods", "harness", "benchmarks"]
FILES = [path for folder in ORDER for path in sorted((ROOT / folder).glob("*.py"))]


def imported(path: Path, anywhere: bool = True) -> set[str]:
    """Top-level names a file imports; with `anywhere` also inside functions. Imports for type checkers do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    body = list(ast.walk(tree)) if anywhere else tree.body
    names = set()
    for node in body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_imports_run_one_way(path):
    later = set(ORDER[ORDER.index(path.parent.name) + 1 :])
    if path.name == "commands.py":  # the command line calls everything
        later = set()
    assert not imported(path) & later


def test_only_benchmarks_know_the_tests():
    guilty = {path.parent.name for path in FILES if "tests" in imported(path)}
    assert guilty == {"benchmarks"}


@pytest.mark.parametrize("folder", ["spaces", "methods", "protocols"])
def test_entries_import_no_torch(folder):
    for name in registry.names(folder):
        assert "torch" not in imported(ROOT / folder / f"{name}.py", anywhere=False), f"{folder}/{name}.py"


def test_only_tracking_talks_to_mlflow():
    guilty = {path.name for path in FILES if "mlflow" in imported(path)}
    assert guilty == {path.name for path in FILES if path.name.removeprefix("_").startswith("tracking")} & guilty


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
from harness import config
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
    for path in FILES:
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

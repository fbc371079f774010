"""What decides a number is in the fingerprint, and nothing else is."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.plan import fingerprints, registry
from harness.plan.fingerprints import hash_of
from harness.plan.jobs import Search, Training

SEARCHES = [
    Search("smoke", "digits", space, method, 0)
    for space in registry.names("spaces")
    for method in registry.names("methods")
    if registry.method(method).unsupported(registry.space(space)) is None
]
JOB = Search("smoke", "digits", "fbnet", "fbnet", 0)
JOBS = [*SEARCHES, *(Training(Search("smoke", "digits", space, "darts", 0)) for space in registry.names("spaces"))]
CLOSURE = sorted({module for job in JOBS for module in job.modules()})
SAMPLE = '''
"""Docstring."""
from __future__ import annotations
import math
async def f(x: int, /, *rest, key=1.5e-3, **more) -> dict[str, int]:
    """Docstring."""
    with open(f"{x!r:>{key}}" "tail", "rb") as file, file as other:
        match x:
            case {"a": [1, *_], **kept} if kept: return {**more, **{f"a{x}": -1 for x in rest if (y := x) > 0}}
            case str() | None: raise ValueError(b"\\x00", 1j, ...) from None
    try: return await g(lambda a, *, b=(): a @ b)
    except* (OSError, TypeError) as error: print(error, sep="")
    finally: x[1:2, ::3] = not x
class A[T] if False else object: pass
'''.replace(
    "class A[T] if False else object: pass", "class A(object, metaclass=type):\n    n: int = 1\n    '''A text.'''"
)
HASH = "83826e114ae8"
PYTHONS = {sys.executable, *(shutil.which(f"python3.{n}") for n in (11, 12, 13, 14))} - {None}
PYTHONS |= {str(path) for path in Path.home().glob(".pyenv/versions/*/bin/python3.1[1-9]")}


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """The code in a folder of its own, read from there; and a function that forgets what was read."""
    for folder in fingerprints.FOLLOWED:
        if (registry.ROOT / folder).exists():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(registry.ROOT / folder, tmp_path / folder, ignore=ignored)
    monkeypatch.setattr(fingerprints, "ROOT", tmp_path)
    forget()
    yield tmp_path
    monkeypatch.undo()
    forget()


def forget():
    fingerprints.modules.cache_clear()
    fingerprints._read.cache_clear()


def file_of(root, module):
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def test_everything_that_decides_is_followed():
    """What was not, once: the schedule, how train and validation are joined, how sizes are counted, what is logged."""
    training, search = JOBS[-1].modules(), SEARCHES[0].modules()
    for name in (
        "protocols.parts.optimizers",
        "harness.running.train",
        "harness.running.counts",
        "harness.running.curves",
    ):
        assert name in training
    assert {"harness.running.search", "harness.plan.seeds", "protocols.parts.augmentation"} <= search.keys()
    assert "harness.running.train" in search  # short trainings are evaluations


def test_one_space_is_not_anothers():
    of = {job.search.space: job.modules() for job in JOBS if isinstance(job, Training)}
    assert "spaces.fbnet.supernet" in of["fbnet"]
    assert not any(name.startswith("spaces.fbnet") for name in of["darts"])
    assert not any(
        name.startswith(("harness.report", "harness.cli", "harness.tracking")) for m in of.values() for name in m
    )


def test_a_change_of_meaning_moves_the_fingerprint(copy):
    """In any file that decides; comments and empty lines move none. A fingerprint is made of the hash of each."""
    digest = fingerprints._read.__wrapped__
    for module in CLOSURE:
        path = file_of(copy, module)
        source, before = path.read_text(), digest(module)[0]
        path.write_text("# A comment.\n\n" + source.replace("\n\n\n", "\n\n\n\n\n") + "\n# Another.\n")
        assert digest(module)[0] == before, module
        path.write_text(source + "\nchanged = 1\n")
        assert digest(module)[0] != before, module
        path.write_text(source)


def test_the_fingerprint_of_every_job_moves(copy):
    before = [job.fingerprint() for job in JOBS]
    schedule = copy / "protocols/parts/optimizers.py"
    schedule.write_text(schedule.read_text() + "\nchanged = 1\n")
    forget()
    assert not set(before) & {job.fingerprint() for job in JOBS}


def test_layout_and_docstrings_have_no_meaning(copy):
    def hashed(text):
        (copy / "harness/sample.py").write_text(text)
        forget()
        return fingerprints.modules("harness.sample")["harness.sample"]

    plain = hashed("def f(x):\n    return g(x + 1, 'a')\n")
    assert hashed('"""Doc."""\n\ndef f(x):\n    """Doc."""\n    return (g(x  +  1,\n        "a",))  # why\n') == plain
    assert hashed("def f(x):\n    return g(x + 2, 'a')\n") != plain
    assert hashed("def f(x):\n    'Doc.'\n    return g(x + 1, 'b')\n") != plain


def test_the_kernels_source_belongs_to_the_module_that_compiles_it(copy):
    job = JOBS[-1]
    before = job.modules()
    source = copy / "spaces/parts/cpu/kernels.c"
    source.write_text(source.read_text() + "\n")
    forget()
    after = job.modules()
    assert {name for name in before if before[name] != after[name]} == {"spaces.parts.cpu.build"}


def test_imports_for_type_checkers_do_not_count(copy):
    (copy / "harness/sample.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import harness.cli\n"
        "else:\n    import harness.plan.seeds\n"
        "def f():\n    from spaces import base\n"
    )
    forget()
    found = set(fingerprints.modules("harness.sample"))
    assert {"harness.sample", "harness.plan.seeds", "spaces.base"} <= found and "harness.cli" not in found


@pytest.mark.parametrize("python", sorted(PYTHONS))
def test_every_python_gives_the_same_hash(python, tmp_path):
    """Of a fixed sample, and of this project's own code, under every Python from 3.11 on that is at hand."""
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness/sample.py").write_text(SAMPLE)
    code = f"""
import sys
sys.path.insert(0, {str(registry.ROOT)!r})
import types
for name in ("registry",):  # which needs libraries that this Python may lack
    sys.modules["harness.plan.registry"] = types.SimpleNamespace(ROOT=__import__("pathlib").Path({str(tmp_path)!r}))
from harness.plan import fingerprints
print(fingerprints.modules("harness.sample")["harness.sample"])
fingerprints.ROOT = __import__("pathlib").Path({str(registry.ROOT)!r})
print(fingerprints.hash_of(fingerprints.modules(*{CLOSURE!r})))
"""
    done = subprocess.run(
        [python, "-S", "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ""}
    )
    if "command exists in these Python versions" in done.stderr:
        pytest.skip(f"{python} stands for no Python")
    assert done.returncode == 0, done.stderr
    sample, whole = done.stdout.split()
    assert (sample, whole) == (HASH, hash_of(fingerprints.modules(*CLOSURE)))


def test_two_numerics_never_share_a_fingerprint(monkeypatch, tmp_path):
    """Neither two modes, nor compiled kernels and torch's layers; the protocol's own mode needs no name."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", sys.executable)
    jobs = [job for search in (JOB, replace(JOB, numerics="native")) for job in (search, Training(search))]
    with_kernels = [job.fingerprint() for job in jobs]
    assert [job.specification()["numerics"] for job in jobs[1:3]] == [
        "portable, kernels in C",
        "native, kernels in C",
    ]
    without = []
    for name, value in {"NAS_KERNELS": "0", "CC": "no-such-compiler"}.items():
        with monkeypatch.context() as changed:
            changed.setenv(name, value)
            without.append([job.fingerprint() for job in jobs])
    assert without[0] == without[1] and len({*with_kernels, *without[0]}) == 8
    assert replace(JOB, numerics="portable").fingerprint() == JOB.fingerprint()

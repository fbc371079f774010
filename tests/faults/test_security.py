"""Nothing that is read can run code: the sources are searched for what could, and hostile input is tried."""

import os
import re
import subprocess
import sys

import pytest
import yaml
from PIL import Image

from harness import __main__ as main
from harness.plan import registry
from tests.faults import torture

FORBIDDEN = {
    r"(?<![.\w])(eval|exec)\(": "runs text",
    r"shell=True|os\.system|os\.popen": "a shell with text from outside",
    r"yaml\.(load|unsafe_load|full_load)\(": "yaml that builds objects",
    r"torch\.load\((?!.*weights_only=True)": "a pickle",
    r"np\.load\((?!.*allow_pickle=False)": "a pickle",
    r"\bpickle\.loads?\(|import_module\(.*input": "a pickle",
    r"extractall\(": "an archive that may leave its folder",
    r"0\.0\.0\.0": "a server for everybody",
    r"(dict\(|\*\*|dumps?\()os\.environ": "the whole environment",
}


def sources():
    folders = ("spaces", "methods", "protocols", "proxies", "harness")
    return [path for folder in folders for path in (registry.ROOT / folder).rglob("*.py")] + [
        registry.ROOT / "Snakefile"
    ]


@pytest.mark.parametrize("pattern", FORBIDDEN, ids=FORBIDDEN.values())
def test_sources(pattern):
    found = [
        f"{path.name}: {line}"
        for path in sources()
        for line in path.read_text().splitlines()
        if re.search(pattern, line)
    ]
    assert not found


HOSTILE = [
    "__import__('os').system('touch pwned')",
    '{"normal": [["__import__(\\"os\\").system(\\"touch pwned\\")", 0]]}',
    "!!python/object/apply:os.system ['touch pwned']",
    "[" * 100_000,
    "k3_e1," * 100_000,
    "\x00\x1b[2J",
]


@pytest.mark.parametrize("space", registry.names("spaces"))
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_architectures(space, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main.main(["describe", "--space", space, "--arch", text]) == 2
    assert not list(tmp_path.iterdir())
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("error: ") and len(said) < 1000


def test_a_folder_whose_name_is_a_command(tmp_path):
    """The name goes through the configuration, Snakemake and the shell, and comes out as it was."""
    images = tmp_path.resolve() / "a; touch pwned $(touch pwned) `touch pwned` 'b\" c"
    for label in "xy":
        (images / label).mkdir(parents=True)
        for i in range(8):
            Image.new("RGB", (8, 8), (i * 20, 0, 0)).save(images / label / f"{i}.png")
    benchmark = {
        "protocol": "smoke", "datasets": [f"folder:{images}"], "seeds": 1, "random": 2,
        "searches": [{"method": "darts", "space": "darts"}],
    }  # fmt: skip
    folder = torture.folder_for(tmp_path.resolve() / "run", yaml.safe_dump(benchmark))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--until", "data", "--configfile", "benchmark.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(list((folder / "work/data").glob("*/manifest.json"))) == 1
    assert not list(tmp_path.rglob("pwned*"))

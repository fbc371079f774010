"""Completion by real shells, of the console script as pip installs it."""

import os
import shutil
import subprocess
import sys
import tomllib

import pytest

from harness.plan import registry

ENTRIES = tomllib.loads((registry.ROOT / "pyproject.toml").read_text())["project"]["scripts"]
BASH = """
eval "$(_NAS_VS_RANDOM_COMPLETE=bash_source nas-vs-random)"
COMP_WORDS=({words}) COMP_CWORD={last}
$(complete -p nas-vs-random | sed 's/.*-F \\([^ ]*\\).*/\\1/') nas-vs-random
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """
autoload -U compinit; compinit -u -D
eval "$(_NAS_VS_RANDOM_COMPLETE=zsh_source nas-vs-random)"
print -r -- $_comps[nas-vs-random]
"""
CASES = {
    "sea": {"search"},
    "list me": {"methods"},
    "search --method random_sam": {"random_sampling"},
    "train --method random_": {"random_paths", "random_sampling", "random_search"},
    "sample --space dar": {"darts", "darts_s1", "darts_s2", "darts_s3", "darts_s4", "darts_modified"},
    "frontier --protocol smo": {"smoke"},
    "data --dataset dig": {"digits"},
    "tables --rec": {"--records"},
    "describe --space darts --stem im": {"imagenet"},
    "search --method no_such": {""},
}


@pytest.fixture
def environment(tmp_path):
    """A PATH on which the console script is, as pip writes it."""
    module, _, function = ENTRIES["nas-vs-random"].partition(":")
    script = tmp_path / "nas-vs-random"
    script.write_text(f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n")
    script.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(registry.ROOT), "HOME": str(tmp_path)}


def run(shell, code, environment):
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
    done = subprocess.run([*shell, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.removesuffix("\n").split("\n")


@pytest.mark.parametrize("line", CASES)
def test_bash_completes(line, environment):
    words = f"nas-vs-random {line}".split()
    code = BASH.format(words=" ".join(words), last=len(words) - 1)
    assert set(run(["bash", "--norc"], code, environment)) == CASES[line]


@pytest.mark.parametrize("line", CASES)
def test_fish_completes(line, environment):
    code = f"_NAS_VS_RANDOM_COMPLETE=fish_source nas-vs-random | source; complete -C 'nas-vs-random {line}'"
    offered = run(["fish", "--no-config"], code, environment)
    assert {choice.split("\t")[0] for choice in offered} == CASES[line]


def test_zsh_takes_the_completion(environment):
    assert run(["zsh", "--no-rcs"], ZSH, environment) == ["_nas_vs_random_completion"]


@pytest.mark.parametrize("line", CASES)
def test_zsh_is_answered(line, environment):
    words = f"nas-vs-random {line}".split()
    asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    answer = subprocess.run(
        ["nas-vs-random"],
        env={**environment, **asked, "_NAS_VS_RANDOM_COMPLETE": "zsh_complete"},
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert set(answer[1::3]) == CASES[line] - {""}  # lines: type, value, description


def test_the_script_is_the_module(environment):
    def said(*command):
        return subprocess.run([*command, "sample", "--space", "darts"], env=environment, capture_output=True, text=True)

    module, script = said(sys.executable, "-m", "harness"), said("nas-vs-random")
    assert module.stdout == script.stdout != ""
    assert (module.returncode, script.returncode) == (0, 0)

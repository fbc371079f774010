"""The image of Containerfile, as far as it can be seen without building one: its last steps, in a fresh environment."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from harness.plan import registry

STEPS = re.findall(r"^(FROM|RUN|WORKDIR|COPY|CMD) (.+)$", (registry.ROOT / "Containerfile").read_text(), re.MULTILINE)


def test_the_checkout_is_there_before_it_is_installed():
    *_, copy, install, command = STEPS
    assert copy == ("COPY", ". .") and install[0] == "RUN" and install[1].startswith("pip install ")
    assert command == ("CMD", '["snakemake", "--cores", "all", "all"]')


@pytest.mark.slow
def test_its_pip_line_installs_what_plans_a_run(tmp_path):
    """From a clone, as Git has it: what is not in a commit is not in this one."""
    image = tmp_path / "benchmark"
    subprocess.run(["git", "clone", "-q", str(registry.ROOT), str(image)], check=True)
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PATH": f"{tmp_path}/venv/bin{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    (_, install) = STEPS[-2]
    for line in (install, "snakemake --cores all -n all --configfile config/smoke.yaml --quiet"):
        done = subprocess.run(line, shell=True, cwd=image, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, (line, done.stderr[-2000:])
    shutil.rmtree(tmp_path / "venv")

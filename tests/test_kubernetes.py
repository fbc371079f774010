"""The profile for Kubernetes, as far as it goes without a cluster: a dry run."""

import importlib.util
import os
import subprocess
import sys

import pytest

from harness.plan import registry
from tests.faults import torture

WANTED = ("snakemake_executor_plugin_kubernetes", "snakemake_storage_plugin_fs")
LACKING = [name for name in WANTED if not importlib.util.find_spec(name)]


@pytest.mark.skipif(bool(LACKING), reason=f"needs {', '.join(LACKING)}")
def test_a_dry_run_plans_every_batch(tmp_path):
    folder = torture.folder_for(tmp_path, f"{torture.ONE_METHOD}batch: 4\n")
    (folder / "store").mkdir()
    command = [sys.executable, "-m", "snakemake", "-n", "--profile", "profiles/kubernetes", "all"]
    command += ["--configfile", "benchmark.yaml", "--container-image", "registry/nas-against-random"]
    command += ["--default-storage-provider", "fs", "--default-storage-prefix", str(folder / "store")]
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    counts = dict(line.split() for line in done.stdout.splitlines() if len(line.split()) == 2)
    assert sum(int(n) for name, n in counts.items() if name.startswith("run_") and n.isdigit()) == 2
    assert counts["all"] == counts["tables"] == "1"

"""The pipeline without a shared folder: every job runs where the driver's folder is not to be seen, and all that it
reads and makes goes through a storage."""

import importlib.util
import os
import shutil
import subprocess
import sys

import pytest

from harness.plan import registry
from tests.faults import torture

WANTED = ("snakemake_executor_plugin_cluster_generic", "snakemake_storage_plugin_fs")
LACKING = [name for name in WANTED if not importlib.util.find_spec(name)]
LACKING += [name for name in ("rsync", "unshare") if not shutil.which(name)] + ["root"] * bool(os.geteuid())
pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.slow,
    pytest.mark.skipif(bool(LACKING), reason=f"needs {', '.join(LACKING)}"),
]
CONFIG = f"{torture.ONE_METHOD}batch: 4\n"
SUBMIT = """#!/bin/bash
# A host with a checkout of its own, an empty working folder, and nothing where the driver's folder is.
host={folder}/hosts/$(date +%s%N); mkdir -p $host/work
cp "$1" $host/job.sh
cp -rL {run}/Snakefile {run}/environment.yaml {run}/profiles {run}/benchmark.yaml $host/work/
inside="hostname $(basename $host); mount -t tmpfs none {run}; bash $host/job.sh"
( cd $host/work; unshare --mount --pid --fork --mount-proc --uts bash -c "$inside" > $host/out 2>&1 < /dev/null
  echo $? > $host/ended ) > /dev/null 2>&1 < /dev/null &
basename $host
"""
STATE = """#!/bin/bash
ended={folder}/hosts/$1/ended
[ -f $ended ] || {{ echo running; exit; }}
[ "$(cat $ended)" = 0 ] && echo success || echo failed
"""


def test_the_results_of_a_local_run(tmp_path):
    folder = tmp_path.resolve()
    run, store = torture.folder_for(folder / "run", CONFIG), folder / "store"
    store.mkdir()
    for name, text in (("submit", SUBMIT), ("state", STATE)):
        (folder / name).write_text(text.format(folder=folder, run=run))
        (folder / name).chmod(0o755)
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/generic", "all"]
    command += ["--configfile", "benchmark.yaml", "--seconds-between-status-checks", "1"]
    command += ["--cluster-generic-submit-cmd", str(folder / "submit")]
    command += ["--cluster-generic-status-cmd", str(folder / "state")]
    command += ["--default-storage-provider", "fs", "--default-storage-prefix", str(store)]
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT), "PATH": path}
    environment.pop("MLFLOW_TRACKING_URI", None)
    done = subprocess.run(command, cwd=run, env=environment, capture_output=True, text=True, timeout=1200)
    said = "\n".join(file.read_text()[-2000:] for file in folder.glob("hosts/*/out"))
    assert done.returncode == 0, done.stderr[-3000:] + said
    assert len(list(folder.glob("hosts/*"))) == 2  # a batch each
    assert not list(run.glob("results/smoke/records/*")) and not (run / "work/digits").exists()
    local = torture.folder_for(folder / "local", CONFIG)
    assert torture.start(local).wait() == 0
    assert torture.results(store) == torture.results(local)
    assert (run / "mlflow.db").exists()

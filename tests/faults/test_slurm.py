"""The pipeline on a real SLURM of two hosts: jobs inside their allocations, and no run done twice."""

import os
import signal
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from harness import records
from harness.plan import registry
from harness.running import lease
from harness.running.stop import SENTENCE
from tests.faults import torture
from tests.faults.cluster import NODES, Cluster, missing
from tests.tracked import wait_until

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.slow,  # how much of a search is left when its driver is killed depends on the machine
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
BEAT = "1"
"""Second, so that a lease is stale after 6."""
LONG = """\
protocol: laptop_long
datasets: [digits]
seeds: 1
random: 2
searches:
  - {method: darts, space: darts, set: {order: 2}}
"""
"""A search of more than the minute that is SLURM's least wall time: it is not over before a test has ended its job."""
SMOKE = (registry.ROOT / "config/smoke.yaml").read_text()
SEARCH = "digits/darts/darts/search-0"
RECORD = f"results/laptop_long/records/{SEARCH}.json"


@pytest.fixture(scope="module")
def cluster():
    try:
        found = Cluster()
    except OSError as error:
        pytest.skip(str(error))
    yield found
    found.down()


class Run:
    """A benchmark in a folder, on the cluster."""

    def __init__(self, folder, cluster, config, target):
        self.folder, self.cluster, self.target = torture.folder_for(folder.resolve(), config), cluster, target
        self.environment = {
            **cluster.environment,
            "PYTHONPATH": str(registry.ROOT),
            "HARNESS_BEAT_SECONDS": BEAT,
        }

    def start(self, *words):
        """The command of docs/cluster.md; it looks at its jobs more often."""
        command = [sys.executable, "-m", "snakemake", "--profile", "profiles/slurm", self.target, *words]
        command += ["--configfile", "benchmark.yaml", "--slurm-init-seconds-before-status-checks", "1"]
        with open(self.folder / "snakemake.log", "ab") as log:
            options = {"cwd": self.folder, "env": self.environment, "stdout": log, "stderr": log}
            self.cluster.clients.append(subprocess.Popen(command, start_new_session=True, **options))
        return self.cluster.clients[-1]

    def end(self, driver):
        assert driver.wait(3600) == 0, self.said()[-3000:]

    def said(self):
        return (self.folder / "snakemake.log").read_text()

    def holder(self, name=SEARCH):
        return lease.Lease(self.folder / "work" / name).holder()

    def running(self, name=SEARCH, but=None, seconds=600):
        """Who works on a run, as soon as it is another one than `but`."""
        wait_until(lambda: (found := self.holder(name)) and (but is None or found.place != but.place
                   or found.process != but.process), seconds)  # fmt: skip
        return self.holder(name)

    def log(self):
        return self.folder / f"work/logs/laptop_long/{SEARCH}.log"

    def reached(self):
        return torture.reached(self.log())[0]

    def records(self):
        return len(list((self.folder / "results").rglob("records/**/*.json")))

    def status(self):
        command = [sys.executable, "-m", "harness", "status", "--config", "benchmark.yaml"]
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True).stdout


def locally(folder, data):
    """The record of the same search, made without snakemake and without a cluster."""
    folder.mkdir()
    key = "--protocol laptop_long --dataset digits --space darts --method darts --seed 0 --set order=2"
    command = [sys.executable, "-m", "harness", "search", *key.split(), "--data", str(data), "--out", "record.json"]
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return without_times(folder / "record.json")


def without_times(path):
    return {name: value for name, value in records.read(path).items() if name != "measured"}


def kill_one(cluster, what, but):
    """Kills a batch that runs, or starts its node anew; whether there was one in a job other than `but`."""
    for process in (process for job, process in cluster.processes().items() if job not in but):
        with suppress(psutil.NoSuchProcess):
            if what == "batch":
                process.kill()
            else:
                cluster.lose_node(node := process.environ()["SLURMD_NODENAME"])
                cluster.start_node(node)
            return True
    return False


def ancestors(cluster, cluster_job):
    """Names of the processes above the one that works in a job of the cluster."""
    return [parent.name() for parent in cluster.processes()[cluster_job].parents()]


def test_inside_the_allocation_and_after_the_drivers_death_the_records_of_a_local_run(cluster, tmp_path):
    """The driver is killed with SIGKILL in the middle of a search. The next one starts the same batch at once, while
    the first job still runs: one of the two does the search, from the other's checkpoint."""
    run = Run(tmp_path / "run", cluster, LONG, RECORD)
    driver = run.start()
    first = run.running()
    assert first.host in NODES and first.cluster_job in cluster.jobs()
    assert any(name.startswith("slurmstepd") for name in ancestors(cluster, first.cluster_job))
    wait_until(lambda: run.reached() >= 1, 600)
    assert f"running: {SEARCH}: epoch " in (said := run.status()) and f"process {first.process} on {first.host}" in said
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    reached = run.reached()
    driver = run.start()
    second = run.running(but=first)
    assert second.cluster_job != first.cluster_job
    wait_until(lambda: cluster.jobs().get(first.cluster_job) != "RUNNING", 60)  # no orphan
    run.end(driver)
    assert torture.first_epoch(run.log()) >= reached
    ours = without_times(run.folder / RECORD)
    assert ours == locally(tmp_path / "alone", run.folder / "work/data/digits-12")


def test_a_polite_kill_ends_the_driver_and_its_jobs(cluster, tmp_path):
    """Without slurmdbd: seen before, the driver went on for 8 minutes."""
    run = Run(tmp_path / "run", cluster, LONG, RECORD)
    driver = run.start()
    first = run.running()
    driver.terminate()
    assert driver.wait(60) == 128 + signal.SIGTERM
    assert run.said().count(SENTENCE) == 1
    wait_until(lambda: cluster.jobs()[first.cluster_job] == "CANCELLED", 60)


@pytest.mark.parametrize("taken", ["lost", "preempted"])
def test_when_its_node_is_taken_a_search_goes_on_from_the_last_epoch_on_the_other_one(cluster, tmp_path, taken):
    run = Run(tmp_path / "run", cluster, LONG, RECORD)
    driver = run.start()
    first = run.running()
    wait_until(lambda: run.reached() >= 1, 600)
    if taken == "lost":
        cluster.lose_node(first.host)
    else:
        cluster.occupy("--partition=urgent", "--exclusive", f"--nodelist={first.host}")
    reached = run.reached()
    try:
        second = run.running(but=first)
        assert second.host != first.host and second.cluster_job == first.cluster_job  # SLURM has queued it again
        run.end(driver)
    finally:
        cluster.say("scancel", "--user=root") if taken == "preempted" else cluster.start_node(first.host)
    assert torture.first_epoch(run.log()) >= reached
    ours = without_times(run.folder / RECORD)
    assert ours == locally(tmp_path / "alone", run.folder / "work/data/digits-12")


def test_at_its_wall_time_a_search_is_continued_by_the_next_job(cluster, tmp_path):
    """The job gets a minute, less than its search takes. What it did by then is not done again, and the attempt does
    not count: none is allowed."""
    run = Run(tmp_path / "run", cluster, LONG, RECORD)
    driver = run.start("--retries", "0")
    first = run.running()
    wait_until(lambda: run.reached() >= 0, 600)  # a busy machine takes a minute to start it
    cluster.say("scontrol", "update", f"JobId={first.cluster_job}", "TimeLimit=1")
    wait_until(lambda: cluster.jobs().get(first.cluster_job) not in ("RUNNING", "COMPLETING"), 180)
    assert cluster.jobs()[first.cluster_job] == "TIMEOUT", "the search was over within its minute: make it longer"
    reached = run.reached()
    second = run.running(but=first)
    assert second.cluster_job != first.cluster_job
    cluster.say("scontrol", "update", f"JobId={second.cluster_job}", "TimeLimit=60")
    run.end(driver)
    assert torture.first_epoch(run.log()) >= reached >= 0
    ours = without_times(run.folder / RECORD)
    assert ours == locally(tmp_path / "alone", run.folder / "work/data/digits-12")


def test_two_batches_share_a_gpu_of_which_each_has_a_shard(cluster, tmp_path):
    """Somebody else has the first GPU of the only node that has any. Without the shard each batch would ask for a whole
    one: `numerics: native`."""
    cluster.occupy("--gpus=1", "--mem=100")
    found, drawn = (RECORD.format("smoke", f"digits/darts/{name}/search-0") for name in ("darts", "random_sampling"))
    run = Run(tmp_path / "run", cluster, f"{torture.ONE_METHOD}numerics: native\nbatch: 2\n", found)
    driver = run.start(drawn, "--default-resources", "gres=shard:1")
    wait_until(lambda: len(cluster.processes()) == 2, 300)
    seen = [process.environ().get("CUDA_VISIBLE_DEVICES") for process in cluster.processes().values()]
    run.end(driver)
    cluster.say("scancel", "--user=root")
    assert seen == ["1", "1"]
    assert [records.read(run.folder / path)["status"] for path in (found, drawn)] == ["done", "done"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What the smoke benchmark makes without a cluster."""
    folder = torture.folder_for(tmp_path_factory.mktemp("local").resolve() / "run", SMOKE)
    assert torture.start(folder).wait(3600) == 0, (folder / "snakemake.log").read_text()[-3000:]
    return torture.results(folder)


@pytest.mark.parametrize("kills", [("driver", "batch"), ("node", "driver")], ids=" then ".join)
def test_the_smoke_benchmark_to_its_end_with_kills_has_the_records_and_tables_of_a_local_run(
    cluster, tmp_path, undisturbed, kills
):
    """Each kill is a SIGKILL, and comes after some more records."""
    run = Run(tmp_path / "run", cluster, SMOKE, "all")
    driver, orphans = run.start(), set()
    for killed in kills:
        before = run.records()
        wait_until(lambda before=before: run.records() > before, 1800)
        if killed == "driver":
            wait_until(lambda: cluster.processes(), 600)
            orphans = set(cluster.jobs())
            driver.kill()
            driver.wait()
            driver = run.start()
        else:
            wait_until(lambda what=killed, but=orphans: kill_one(cluster, what, but), 600)
    run.end(driver)
    found = torture.results(run.folder)
    assert [name for name in {*found, *undisturbed} if found.get(name) != undisturbed.get(name)] == []
    assert run.records() == 62 and sum("/tables/" in name for name in found) == 20
    submitted = set(cluster.say("squeue", "-h", "-t", "all", "-o", "%k").split()) - {"(null)"}
    assert {rule[:9] for rule in submitted} == {"rule_run_"}  # data, tables and track ran here

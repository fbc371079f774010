"""A real SLURM of two hosts on this machine: each node has process ids, a host name and mounts of its own, so that a
job sees of the driver's machine what another host would see, its files and not its processes.

    apt-get install --no-install-recommends slurmctld slurmd slurm-client munge
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "munged", "unshare")
NODES = ("n1", "n2")
CONFIGURATION = """
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ports[0]}
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=bf_interval=2,sched_min_interval=0,batch_sched_delay=0
MinJobAge=900
KillWait=2
SlurmdTimeout=10
OverTimeLimit=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu,shard
NodeName=n1 NodeHostname=n1 NodeAddr=127.0.0.1 Port={ports[1]} CPUs=3 RealMemory=8000 Gres=gpu:2,shard:4
NodeName=n2 NodeHostname=n2 NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 RealMemory=8000
PartitionName=cpu Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=2
"""

DEVICES = """
NodeName=n1 Name=gpu File=/dev/null
NodeName=n1 Name=gpu File=/dev/zero
NodeName=n1 Name=shard Count=4
"""
"""Two stand-ins for GPUs, each in two shards: SLURM gives them to jobs, and nobody opens them."""


def missing() -> str:
    """Why there can be no cluster here; "" where there can."""
    if lacking := [program for program in PROGRAMS if not shutil.which(program)]:
        return f"no {', '.join(lacking)}: apt-get install slurmctld slurmd slurm-client munge"
    if not importlib.util.find_spec("snakemake_executor_plugin_slurm"):
        return "no executor plugin: pip install -c constraints.txt -e '.[cluster]'"
    return "" if os.geteuid() == 0 else "a cluster of two hosts needs root"


class Cluster:
    """Up from the start; `down` ends all of its processes. OSError where it does not come up."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # short: a socket's path has 107 characters
        for name in ("state", "etc", *NODES):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        configuration = CONFIGURATION.format(folder=self.folder, ports=_free_ports(3))
        (self.folder / "etc/slurm.conf").write_text(configuration)
        (self.folder / "etc/gres.conf").write_text(DEVICES)
        self.environment = {**os.environ, "SLURM_CONF": str(self.folder / "etc/slurm.conf")}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.clients: list[subprocess.Popen[bytes]] = []  # which end with it
        names = {
            "key-file": "munge.key",
            "socket": "munge.socket",
            "pid-file": "munged.pid",
            "seed-file": "munged.seed",
        }
        words = [f"--{option}={self.folder / name}" for option, name in names.items()]
        self._start("munged", "munged", "--foreground", "--force", *words)
        self._wait(lambda: (self.folder / "munge.socket").exists())
        self._start("slurmctld", "slurmctld", "-D", "-c")
        for node in NODES:
            self.start_node(node)
        self._wait(lambda: self.say("sinfo", "-h", "-o", "%D %t") == "2 idle")

    def start_node(self, node: str) -> None:
        inside = f"hostname {node}; mount --bind {self.folder}/etc /etc/slurm; exec slurmd -D -N {node}"
        spaces = ["--pid", "--fork", "--mount-proc", "--uts", "--mount", "--kill-child"]
        self._start(node, "unshare", *spaces, "bash", "-c", inside)

    def lose_node(self, node: str) -> None:
        """With all that runs there, at once."""
        process = self._processes.pop(node)
        inside = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        psutil.wait_procs(inside, 30)  # the node's port is free again

    def occupy(self, *options: str) -> None:
        """By a job of somebody else, without end."""
        self.say("sbatch", "--output=/dev/null", *options, "--wrap", "sleep infinity")

    def say(self, *command: str) -> str:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=30)
        return done.stdout.strip()

    def jobs(self) -> dict[str, str]:
        """The jobs that are there, or were of late, and the state of each."""
        return dict(line.split() for line in self.say("squeue", "-h", "-t", "all", "-o", "%i %T").splitlines())

    def processes(self) -> dict[str, psutil.Process]:
        """Those of `harness run` in the jobs that run, by the job: this machine sees into the nodes."""
        found: dict[str, psutil.Process] = {}
        nodes = [psutil.Process(process.pid) for name, process in self._processes.items() if name in NODES]
        for process in (inside for node in nodes for inside in node.children(recursive=True)):
            with suppress(psutil.Error):
                if "harness" in process.cmdline() and (job := process.environ().get("SLURM_JOB_ID")):
                    found.setdefault(job, process)
        states = self.jobs()
        return {job: process for job, process in found.items() if states.get(job) == "RUNNING"}

    def down(self) -> None:
        for process in self.clients:
            process.kill()
        self.say("scancel", "--user=root")
        for name, process in reversed(self._processes.items()):
            process.send_signal(signal.SIGKILL if name in NODES else signal.SIGTERM)  # unshare waits for its child
        for process in self._processes.values():
            process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, name: str, *command: str) -> None:
        with open(self.folder / f"{name}.out", "wb") as log:
            self._processes[name] = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _wait(self, ready) -> None:
        deadline = time.monotonic() + 30
        while not ready():
            if time.monotonic() > deadline:
                said = "".join(file.read_text(errors="replace")[-500:] for file in self.folder.glob("*.out"))
                self.down()
                raise OSError(f"SLURM does not come up: {said}")
            time.sleep(0.1)


def _free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports

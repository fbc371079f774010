# The whole experiment: data -> search -> train -> tables, figures, MLflow.
#
#   snakemake --cores 8 all                                        the embedded default
#   snakemake --cores 2 all --configfile config/smoke.yaml         everything once, tiny
#   snakemake -n all --configfile config/paper.yaml                what the published scale would run
import os
import shlex
import sys
from pathlib import Path

from harness.report.outline import CAPTIONS, caption, contents
from harness.running.driver import Driver
from harness.running.pipeline import Pipeline
from harness.tracking.follow import Follower
from spaces.base import UserError

# The rules run in the Python that runs snakemake, also where its virtual environment is not activated.
os.environ.update(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}")

if workflow.resource_settings.cores == 0:  # snakemake would wait for ever
    sys.exit("error: --cores 0 runs nothing: give at least 1")

if workflow.is_main_process:
    DRIVER = Driver(Path(".snakemake"))

try:
    FILE = Path((workflow.overwrite_configfiles or [Path(workflow.basedir) / "config/default.yaml"])[-1])
    PIPELINE = Pipeline(FILE, workflow.config_settings.config)
    BATCHES = PIPELINE.batches(plan=workflow.is_main_process)
except UserError as error:
    sys.exit(f"error: {error}")

CONFIG, RESULTS = PIPELINE.config, PIPELINE.results
BENCHMARK = shlex.join(PIPELINE.arguments)
FOLLOWER = Follower(PIPELINE.arguments)


report: str(CAPTIONS / "workflow.rst")


MANIFESTS = PIPELINE.manifests()
SHOWN = contents(entry.space for entry in CONFIG.searches)
FILES = [file for titles in SHOWN.values() for file in titles.values()]
TABLES, FIGURES = ([file for file in FILES if file.startswith(folder)] for folder in ("tables", "figures"))


onstart:
    try:
        DRIVER.start()
        PIPELINE.start(BATCHES)
        if not PIPELINE.looks_up:
            FOLLOWER.start()
    except UserError as error:
        sys.exit(f"error: {error}")


# How it went: what is done, what failed and why, what is left. (The exit status is that of rule all.)
onsuccess:
    FOLLOWER.stop(complete=True)
    shell(f"python -m harness status {BENCHMARK} || true")


onerror:
    FOLLOWER.stop(complete=False)
    shell(f"python -m harness status {BENCHMARK} || true")


def shown():
    """The pages and pictures of the report, with their captions; of what a space's searches found, there is one caption."""
    for heading, titles in SHOWN.items():
        for i, (title, file) in enumerate(titles.items(), 1):
            suffix = "html" if file.startswith("tables") else "svg"
            yield report(
                f"{RESULTS}/{file}.{suffix}",
                caption=str(caption(file)),
                category=heading,
                labels={"result": f"{heading[0]}.{i} {title}"},
            )


wildcard_constraints:
    dataset="|".join(PIPELINE.datasets),
    image=r"\d+",


rule data:
    output:
        "work/data/{dataset}-{image}/manifest.json",
    log:
        "work/logs/data/{dataset}-{image}.log",
    conda:
        "environment.yaml"
    params:
        name=lambda w: PIPELINE.datasets[w.dataset],
        root=CONFIG.data_root,
    shell:
        "python -m harness data --dataset {params.name:q} --image {wildcards.image} --root {params.root:q} > {log} 2>&1"


# The searches and trainings that have no record yet, in batches; each search and training writes a log of its own besides.
for batch in BATCHES:

    rule:
        name:
            f"run_{batch.name}".replace("-", "_")
        input:
            PIPELINE.manifests(batch.jobs),
            batch.reads,
        output:
            batch.records,
        log:
            f"work/logs/{CONFIG.protocol}/batches/{batch.name}.log",
        conda:
            "environment.yaml"
        params:
            jobs=shlex.join(job.name for job in batch.jobs),
            fingerprints=[job.fingerprint() for job in batch.jobs],
            keep_weights=CONFIG.keep_weights,
        shell:
            f"python -m harness run {BENCHMARK} {{params.jobs}} > {{log}} 2>&1"


rule tables:
    input:
        PIPELINE.records,
        MANIFESTS,
    output:
        tables=[*expand(f"{RESULTS}/{{file}}.csv", file=TABLES), f"{RESULTS}/tables/SHA256SUMS"],
        figures=expand(f"{RESULTS}/{{file}}.{{kind}}", file=FIGURES, kind=["csv", "png", "pdf"]),
        shown=list(shown()),
    log:
        f"work/logs/{CONFIG.protocol}-tables.log",
    conda:
        "environment.yaml"
    params:
        benchmark=BENCHMARK,
        tables=lambda w, output: Path(output.tables[0]).parent,
        figures=lambda w, output: Path(output.figures[0]).parent,
        n=f"{CONFIG.seeds} searches per method, {CONFIG.random} or more random architectures per space, on each dataset",
    shell:
        "python -m harness tables {params.benchmark} --out {params.tables} --figures {params.figures} > {log} 2>&1"


rule track:  # the follower has brought most records by then; this brings whatever it missed
    input:
        PIPELINE.records,
        MANIFESTS,
    output:
        touch(f"work/{CONFIG.protocol}.tracked"),
    log:
        f"work/logs/{CONFIG.protocol}-track.log",
    conda:
        "environment.yaml"
    params:
        benchmark=BENCHMARK,
    shell:
        "python -m harness track {params.benchmark} > {log} 2>&1"


rule all:
    default_target: True
    input:
        rules.tables.input,  # a record that was deleted is made again, also where the tables are there
        rules.tables.output,
        rules.track.output,
    log:
        f"work/logs/{CONFIG.protocol}-all.log",
    retries: 0
    conda:
        "environment.yaml"
    params:
        benchmark=BENCHMARK,
    shell:  # fails where a job failed, or a result was changed since it was made
        "python -m harness status {params.benchmark} > {log}"

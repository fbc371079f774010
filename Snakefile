# The whole experiment: data -> search -> train -> tables, figures, MLflow.
#
#   snakemake --cores 8 all                                        the embedded default
#   snakemake --cores 2 all --configfile config/smoke.yaml         everything once, tiny
#   snakemake -n all --configfile config/paper.yaml                what the published scale would run
#   snakemake --profile profiles/slurm all                         on a cluster: docs/cluster.md
import atexit
import os
import shlex
import sys
from pathlib import Path

from harness.running.driver import FAREWELL, VARIABLE, Driver, watch
from harness.running.stop import stop_on_signals

# The rules run in the Python that runs snakemake, also where its virtual environment is not activated.
os.environ.update(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}")

if workflow.resource_settings.cores == 0:  # snakemake would wait for ever
    sys.exit("error: --cores 0 runs nothing: give at least 1")

# Jobs of a cluster parse this file too: they plan nothing and know their own rule only.
MAIN = workflow.is_main_process
STORED = bool(workflow.storage_settings.default_storage_provider)  # no folder is shared
if MAIN:
    DRIVER = Driver()
    stop_on_signals(workflow, DRIVER.end)
elif not watch()():  # before snakemake deletes what the next driver's jobs have made
    sys.exit(FAREWELL)

# After the signals, because it takes seconds.
from harness.report.outline import CAPTIONS, caption, contents
from harness.running.patience import Patience
from harness.running.pipeline import Pipeline
from harness.running.progress import Progress
from harness.tracking.follow import Follower
from spaces.base import UserError


envvars:
    VARIABLE,


try:
    FILE = Path((workflow.overwrite_configfiles or [Path(workflow.basedir) / "config/default.yaml"])[-1])
    PIPELINE = Pipeline(FILE, workflow.config_settings.config, STORED)
    BATCHES = PIPELINE.batches() if MAIN else PIPELINE.planned(sys.argv)  # as --allowed-rules names it
except UserError as error:
    sys.exit(f"error: {error}")

CONFIG, RESULTS = PIPELINE.config, PIPELINE.results
BENCHMARK = shlex.join(PIPELINE.arguments)
FOLLOWER = Follower(PIPELINE.arguments)
PROGRESS = Progress(PIPELINE.arguments)
if MAIN and not STORED:
    PROGRESS.attach(workflow)


report: str(CAPTIONS / "workflow.rst")


SHOWN = contents(CONFIG.spaces)
FILES = [file for titles in SHOWN.values() for file in titles.values()]
TABLES, FIGURES = ([file for file in FILES if file.startswith(folder)] for folder in ("tables", "figures"))


if MAIN and workflow.output_settings.dryrun:  # the last line, after what snakemake says
    said = f"what is left takes {PIPELINE.estimate()} (docs/cluster.md#estimates)"
    atexit.register(print, said, file=sys.stderr)


onstart:
    try:
        DRIVER.start()
        stop_on_signals(workflow, DRIVER.end, hush)  # again: snakemake has its own by now
        PIPELINE.start(BATCHES)
        PROGRESS.start()
        if not (PIPELINE.looks_up or STORED):
            FOLLOWER.start()
    except UserError as error:
        sys.exit(f"error: {error}")


# How it went: what is done, what failed and why, what is left. (The exit status is that of rule all.)
onsuccess:
    ended(complete=True)


onerror:
    ended(complete=False)


def hush(complete=True):
    """Ends what runs beside the jobs."""
    PROGRESS.stop()
    FOLLOWER.stop(complete)


def ended(complete):
    hush(complete)
    DRIVER.end()
    if not STORED:  # else what it would look at is not here
        shell(f"python -m harness status {BENCHMARK} || true")
        if complete and os.path.exists(f"{RESULTS}/tables/report.html"):
            print(f"all tables and figures on one page: {RESULTS}/tables/report.html", file=sys.stderr)


def below(name):
    """Where a rule works: the folder below which its first output has this name. It is the working folder; of files in
    a storage, where snakemake brings them to."""
    return lambda wildcards, output: str(output[0]).removesuffix(name) or "."


WITHIN = "cd {params.folder:q} && " if STORED else ""


def patience(batch):
    """Attempts at a batch; jobs of a cluster, which make one of them, try nothing again."""
    return Patience(
        lambda: workflow.execution_settings.retries,
        lambda: (Path(f"work/logs/{CONFIG.protocol}/{job}.log") for job in batch.jobs),
        lambda: (Path(f"work/{job}.{kind}") for job in batch.jobs for kind in ("checkpoint", "journal")),
    )


def resources(batch, retries):
    """What a batch asks a cluster for; on one machine nothing of it counts. Where all jobs are given a generic resource,
    such as a shard of a GPU, they ask for no whole one."""
    yield lambda wildcards: PIPELINE.needs(batch).minutes
    yield lambda wildcards: retries.megabytes(PIPELINE.needs(batch).megabytes)
    yield 0 if "gres" in (workflow.resource_settings.default_resources or ()) else PIPELINE.needs(batch).gpus


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


localrules:
    data,
    tables,
    track,
    all,


wildcard_constraints:
    dataset="|".join(PIPELINE.datasets),
    image=r"\d+",


rule data:
    output:
        [f"work/data/{{dataset}}-{{image}}/{name}" for name in PIPELINE.prepared],
    log:
        "work/logs/data/{dataset}-{image}.log",
    conda:
        "environment.yaml"
    params:
        name=lambda w: PIPELINE.datasets[w.dataset],
        source=lambda w: PIPELINE.source(w.dataset),
        root=os.path.abspath(CONFIG.data_root) if STORED else CONFIG.data_root,
        folder=lambda w, output: Path(output[0]).parents[3],
    shell:
        f"({WITHIN}python -m harness data --dataset {{params.name:q}} {{params.source}} --image {{wildcards.image}}"
        " --root {params.root:q}) > {log} 2>&1"


# The searches and trainings that have no record yet, in batches; each search and training writes a log of its own besides.
for batch in BATCHES:
    retries = patience(batch)
    minutes, megabytes, gpus = resources(batch, retries)

    rule:
        name:
            batch.name
        input:
            batch.data,
            batch.reads,
        output:
            [PIPELINE.record(job) for job in batch.jobs],
        log:
            f"work/logs/{CONFIG.protocol}/batches/{batch.name.removeprefix('run_')}.log",
        retries: retries if MAIN else 0
        conda:
            "environment.yaml"
        resources:
            runtime=minutes,
            mem_mb=megabytes,
            gpu=gpus,
        params:
            jobs=shlex.join(batch.jobs),
            fingerprints=batch.fingerprints,
            keep_weights=CONFIG.keep_weights,
            folder=below(PIPELINE.record(batch.jobs[0])),
        shell:
            f"({WITHIN}python -m harness run {BENCHMARK} {{params.jobs}}) > {{log}} 2>&1"


# All records: those that are made now, and those that are kept. By the outputs of their rules, so that snakemake need
# not look for the rule of each: it would keep a pattern for every file, 80 MB for 40,000.
MADE = [record for batch in BATCHES for record in getattr(rules, batch.name).output]
KEPT, MANIFESTS = (PIPELINE.kept(BATCHES), PIPELINE.manifests) if MAIN else ([], [])
ASKED = sorted({*sys.argv} & {*KEPT})


if ASKED:  # snakemake wants a rule for what it is asked for, also where it is there; it touches the file

    rule kept:
        output:
            [update(record) for record in ASKED],
        shell:
            "true"


rule tables:
    input:
        MADE,
        KEPT,
        MANIFESTS,
    output:
        tables=[*expand(f"{RESULTS}/{{file}}.csv", file=TABLES), f"{RESULTS}/tables/SHA256SUMS"],
        page=f"{RESULTS}/tables/report.html",
        figures=expand(f"{RESULTS}/{{file}}.{{kind}}", file=FIGURES, kind=["csv", "png", "pdf"]),
        shown=list(shown()),
    log:
        f"work/logs/{CONFIG.title}-tables.log",
    conda:
        "environment.yaml"
    params:
        benchmark=BENCHMARK,
        folder=below(f"{RESULTS}/{TABLES[0]}.csv"),
        n=f"{CONFIG.seeds} searches per method, {CONFIG.random} or more random architectures per space, on each dataset",
    shell:
        f"({WITHIN}python -m harness tables {{params.benchmark}} --out {RESULTS}/tables --figures {RESULTS}/figures)"
        " > {log} 2>&1"


rule track:  # the follower has brought most records by then; this brings whatever it missed
    input:  # tables are new when a record is; a second list of all records would cost memory
        [MADE, KEPT, MANIFESTS] if STORED else rules.tables.output.page,
    output:
        touch(f"work/{CONFIG.title}.tracked"),
    log:
        f"work/logs/{CONFIG.title}-track.log",
    conda:
        "environment.yaml"
    params:
        records=lambda w, input: f"--records {os.path.commonpath(input[: len(MADE + KEPT)])}" if STORED else BENCHMARK,
        experiment=CONFIG.title,
    shell:
        "python -m harness track {params.records} --experiment {params.experiment} > {log} 2>&1"


rule all:
    default_target: True
    input:
        # A record that was deleted is made again, also where the tables are there: a batch makes all of its records.
        MADE if STORED else [getattr(rules, batch.name).output[0] for batch in BATCHES],
        rules.tables.output,
        rules.track.output,
    log:
        f"work/logs/{CONFIG.title}-all.log",
    retries: 0
    conda:
        "environment.yaml"
    params:
        benchmark=BENCHMARK,
        folder=lambda w, input: str(input[0]).removesuffix(PIPELINE.record(BATCHES[0].jobs[0])) if STORED else ".",
    shell:  # fails where a job failed, or a result was changed since it was made
        f"({WITHIN}python -m harness status {{params.benchmark}}) > {{log}}"

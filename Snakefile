# The whole experiment: data -> search -> train -> tables, figures, MLflow.
#
#   snakemake --cores 8 all                                        the embedded default
#   snakemake --cores 2 all --configfile config/smoke.yaml         everything once, tiny
#   snakemake -n all --configfile config/paper.yaml                what the published scale would run
import json
import os
import shlex
import sys
from pathlib import Path

from harness.tracking import follow as _tracking_follow
from harness.plan import config as configuration
from harness.running import preloaded
from harness.report.outline import CAPTIONS, caption, contents
from harness.plan.jobs import data_folder, record_path, slug
from harness.running.driver import Driver
from spaces.base import UserError

# The rules run in the Python that runs snakemake, also where its virtual environment is not activated.
os.environ.update(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}")

if workflow.resource_settings.cores == 0:  # snakemake would wait for ever
    sys.exit("error: --cores 0 runs nothing: give at least 1")

if workflow.is_main_process:
    DRIVER = Driver(Path(".snakemake"))

FILE = Path((workflow.overwrite_configfiles or [Path(workflow.basedir) / "config/default.yaml"])[-1])
OVERRIDES = dict(workflow.config_settings.config)
try:
    CONFIG = configuration.load(FILE, OVERRIDES)
except UserError as error:
    sys.exit(f"error: {error}")

BENCHMARK = ["--config", os.path.relpath(FILE)] + [a for k, v in OVERRIDES.items() for a in ("--override", f"{k}={json.dumps(v)}")]
RESULTS = f"results/{CONFIG.protocol}"
DATASETS = {slug(dataset): dataset for dataset in CONFIG.datasets}
JOBS = {name: [*CONFIG.searches_of(dataset), *CONFIG.trainings_of(dataset)] for name, dataset in DATASETS.items()}
FOLLOWER = _tracking_follow.Follower(BENCHMARK)
BY_NAME = {job.name: job for jobs in JOBS.values() for job in jobs}


report: str(CAPTIONS / "workflow.rst")


SHOWN = contents(entry.space for entry in CONFIG.searches)
FILES = [file for titles in SHOWN.values() for file in titles.values()]
TABLES, FIGURES = ([file for file in FILES if file.startswith(folder)] for folder in ("tables", "figures"))


onstart:
    try:
        configuration.check_place(CONFIG)
        DRIVER.start()
        preloaded.start(Path(".snakemake"))
        FOLLOWER.start()
    except UserError as error:
        sys.exit(f"error: {error}")


# How it went: what is done, what failed and why, what is left. (The exit status is that of rule all.)
onsuccess:
    preloaded.stop()
    FOLLOWER.stop(complete=True)
    shell(f"python -m harness status {shlex.join(BENCHMARK)} || true")


onerror:
    preloaded.stop()
    FOLLOWER.stop(complete=False)
    shell(f"python -m harness status {shlex.join(BENCHMARK)} || true")


def job(wildcards):
    return BY_NAME[wildcards.name]


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


def manifest(wildcards):
    return data_folder(job(wildcards).key["dataset"], job(wildcards).setting.image) / "manifest.json"


wildcard_constraints:
    dataset="|".join(map(str, DATASETS)),
    image=r"\d+",


rule data:
    output:
        "work/data/{dataset}-{image}/manifest.json",
    log:
        "work/logs/data/{dataset}-{image}.log",
    params:
        name=lambda w: DATASETS[w.dataset],
        root=CONFIG.data_root,
    conda:
        "environment.yaml"
    shell:
        "python -m harness data --dataset {params.name:q} --image {wildcards.image} --root {params.root:q} > {log} 2>&1"


rule search:
    input:
        manifest,
    output:
        f"{RESULTS}/records/{{name}}.json",
    wildcard_constraints:
        name=r"[^/]+/[^/]+/[^/]+/search-\d+",
    log:
        f"work/logs/{CONFIG.protocol}/{{name}}.log",
    params:
        arguments=lambda w: shlex.join([*job(w).arguments, "--hours", str(CONFIG.hours_a_job)]),
        fingerprint=lambda w: job(w).fingerprint(),
    conda:
        "environment.yaml"
    shell:
        "python -m harness search {params.arguments} --out {output} > {log} 2>&1"


rule train:
    input:
        manifest,
        search=lambda w: record_path(job(w).search),
    output:
        f"{RESULTS}/records/{{name}}.json",
    wildcard_constraints:
        name=r"[^/]+/[^/]+/[^/]+/train-[^/]+",
    log:
        f"work/logs/{CONFIG.protocol}/{{name}}.log",
    params:
        arguments=lambda w: shlex.join([*job(w).arguments, "--hours", str(CONFIG.hours_a_job)]),
        fingerprint=lambda w: job(w).fingerprint(),
    conda:
        "environment.yaml"
    shell:
        "python -m harness train {params.arguments} --search {input.search} --out {output} > {log} 2>&1"


rule tables:
    input:
        [record_path(job) for jobs in JOBS.values() for job in jobs],
    output:
        tables=[*expand(f"{RESULTS}/{{file}}.csv", file=TABLES), f"{RESULTS}/tables/SHA256SUMS"],
        figures=expand(f"{RESULTS}/{{file}}.{{kind}}", file=FIGURES, kind=["csv", "png", "pdf"]),
        shown=list(shown()),
    log:
        f"work/logs/{CONFIG.protocol}-tables.log",
    params:
        benchmark=shlex.join(BENCHMARK),
        tables=lambda w, output: Path(output.tables[0]).parent,
        figures=lambda w, output: Path(output.figures[0]).parent,
        n=f"{CONFIG.seeds} searches a method, {CONFIG.random} or more random architectures a space, on each dataset",
    conda:
        "environment.yaml"
    shell:
        "python -m harness tables {params.benchmark} --out {params.tables} --figures {params.figures} > {log} 2>&1"


rule track:  # the follower has brought most records by then; this brings whatever it missed
    input:
        [record_path(job) for jobs in JOBS.values() for job in jobs],
    output:
        touch(f"work/{CONFIG.protocol}.tracked"),
    log:
        f"work/logs/{CONFIG.protocol}-track.log",
    params:
        benchmark=shlex.join(BENCHMARK),
    conda:
        "environment.yaml"
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
    params:
        benchmark=shlex.join(BENCHMARK),
    retries: 0
    conda:
        "environment.yaml"
    shell:  # fails where a job failed, or a result was changed since it was made
        "python -m harness status {params.benchmark} > {log}"

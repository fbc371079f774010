# The whole experiment: data -> search -> train -> tables, figures, MLflow.
#
#   snakemake --cores 8 all                                        the embedded default
#   snakemake --cores 2 all --configfile config/smoke.yaml         everything once, tiny
#   snakemake -n all --configfile config/paper.yaml                what the published scale would run
import os
import shlex
import sys
from pathlib import Path

from harness import config as configuration
from harness.jobs import data_folder, record_path, slug
from harness.lifeline import Driver
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

BENCHMARK = ["--config", os.path.relpath(FILE)] + [a for k, v in OVERRIDES.items() for a in ("--override", f"{k}={v}")]
RESULTS = f"results/{CONFIG.protocol}"
DATASETS = {slug(dataset): dataset for dataset in CONFIG.datasets}
JOBS = {name: [*CONFIG.searches_of(dataset), *CONFIG.trainings_of(dataset)] for name, dataset in DATASETS.items()}
BY_NAME = {job.name: job for jobs in JOBS.values() for job in jobs}


report: "report/workflow.rst"


# What tables/ and figures/ hold, and under which heading the report (`snakemake --report report.html`) shows it.
TABLES = {
    "verdicts": "1 Better than random?",
    "relative_improvement": "1 Better than random?",
    "ranking": "1 Better than random?",
    "cost_matched": "3 Cost",
    "depth_gap": "2 Depth gap",
    "variance": "2 Depth gap",
    "costs": "3 Cost",
    "accuracies": "4 Details",
    "run_times": "4 Details",
}
FIGURES = {
    "ri": "1 Better than random?",
    "random_distribution": "1 Better than random?",
    "depth_gap": "2 Depth gap",
    "accuracy_macs": "3 Cost",
    "search_curves": "4 Details",
}


onstart:
    try:
        configuration.check_data(CONFIG)
        DRIVER.start()
    except UserError as error:
        sys.exit(f"error: {error}")


# How it went: what is done, what failed and why, what is left. (The exit status is that of rule all.)
onsuccess:
    shell(f"python -m harness status {shlex.join(BENCHMARK)} || true")


onerror:
    shell(f"python -m harness status {shlex.join(BENCHMARK)} || true")


def job(wildcards):
    return BY_NAME[wildcards.name]


def shown(folder, names, suffix, what):
    """The files of a folder that the report shows, with their captions."""

    def flagged(name, heading):
        labels = {"what": name.replace("_", " "), "as": what}
        path, caption = f"{RESULTS}/{folder}/{name}.{suffix}", f"report/{name}.rst"
        return report(path, caption=caption, category=heading, labels=labels)

    return [flagged(name, heading) for name, heading in names.items()]


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
        "work/logs/{name}.log",
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
        "work/logs/{name}.log",
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
        tables=[*expand(f"{RESULTS}/tables/{{name}}.csv", name=TABLES), f"{RESULTS}/tables/SHA256SUMS"],
        figures=expand(f"{RESULTS}/figures/{{name}}.{{kind}}", name=FIGURES, kind=["csv", "png"]),
        shown=[*shown("tables", TABLES, "html", "table"), *shown("figures", FIGURES, "svg", "figure")],
    log:
        f"work/logs/{CONFIG.protocol}-tables.log",
    params:
        benchmark=shlex.join(BENCHMARK),
        tables=lambda w, output: Path(output.tables[0]).parent,
        figures=lambda w, output: Path(output.figures[0]).parent,
    conda:
        "environment.yaml"
    shell:
        "python -m harness tables {params.benchmark} --out {params.tables} --figures {params.figures} > {log} 2>&1"


rule track:
    input:
        lambda w: [record_path(job) for job in JOBS[w.dataset]],
    output:
        touch(f"work/tracked/{CONFIG.protocol}/{{dataset}}"),
    log:
        f"work/logs/{CONFIG.protocol}-track-{{dataset}}.log",
    params:
        benchmark=shlex.join(BENCHMARK),
        name=lambda w: DATASETS[w.dataset],
    conda:
        "environment.yaml"
    shell:
        "python -m harness track {params.benchmark} --dataset {params.name:q} > {log} 2>&1"


rule all:
    default_target: True
    input:
        rules.tables.input,  # a record that was deleted is made again, also where the tables are there
        rules.tables.output,
        expand(f"work/tracked/{CONFIG.protocol}/{{dataset}}", dataset=DATASETS),
    log:
        f"work/logs/{CONFIG.protocol}-all.log",
    params:
        benchmark=shlex.join(BENCHMARK),
    retries: 0
    conda:
        "environment.yaml"
    shell:  # fails where a job failed, or a result was changed since it was made
        "python -m harness status {params.benchmark} > {log}"

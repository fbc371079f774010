# The whole experiment: data -> search -> train -> tables, figures, MLflow.
#
#   snakemake --cores 8 all                                        the embedded default
#   snakemake --cores 2 all --configfile config/smoke.yaml         everything once, tiny
#   snakemake -n all --configfile config/paper.yaml                what the published scale would run
import shlex
import sys
from pathlib import Path

from harness import config as configuration
from harness.jobs import data_folder, record_path
from spaces.base import UserError

CONFIG_FILE = Path((workflow.overwrite_configfiles or [Path(workflow.basedir) / "config/default.yaml"])[-1])
OVERRIDES = dict(workflow.config_settings.config)
try:
    CONFIG = configuration.load(CONFIG_FILE, OVERRIDES)
except UserError as error:
    sys.exit(f"error: {error}")

BENCHMARK = shlex.join(
    ["--config", str(CONFIG_FILE), *(part for k, v in OVERRIDES.items() for part in ("--override", f"{k}={v}"))]
)
SEARCHES = {d: CONFIG.searches_of(d) for d in CONFIG.datasets}
TRAININGS = {d: CONFIG.trainings_of(d) for d in CONFIG.datasets}
JOBS = {job.name: job for jobs in (SEARCHES, TRAININGS) for d in CONFIG.datasets for job in jobs[d]}
DATA = {str(data_folder(job.key["dataset"], job.setting.image)): job for job in JOBS.values()}
RESULTS = f"results/{CONFIG.protocol}"
PYTHON = "python" if workflow.deployment_settings.deployment_method else shlex.quote(sys.executable)
HARNESS = f"{PYTHON} -m harness"


def job(wildcards):
    return JOBS[wildcards.name]


def manifest(wildcards):
    return data_folder(job(wildcards).key["dataset"], job(wildcards).setting.image) / "manifest.json"


def records_of(dataset):
    return [record_path(job) for job in [*SEARCHES[dataset], *TRAININGS[dataset]]]


wildcard_constraints:
    name=r"[^/]+/[^/]+/[^/]+/(search|train)-[^/]+",


rule all:
    input:
        f"{RESULTS}/tables/relative_improvement.csv",
        expand("work/tracked/{protocol}/{dataset}", protocol=CONFIG.protocol, dataset=CONFIG.datasets),


rule data:
    output:
        "work/data/{data}/manifest.json",
    log:
        "work/logs/data/{data}.log",
    params:
        arguments=lambda w, output: shlex.join(
            ["--dataset", DATA[f"work/data/{w.data}"].key["dataset"], "--root", CONFIG.data_root]
            + ["--image", str(DATA[f"work/data/{w.data}"].setting.image), "--out", str(Path(output[0]).parent)]
        ),
    conda:
        "environment.yaml"
    shell:
        HARNESS + " data {params.arguments} > {log} 2>&1"


rule search:
    input:
        manifest,
    output:
        RESULTS + "/records/{name}.json",
    wildcard_constraints:
        name=r"[^/]+/[^/]+/[^/]+/search-\d+",
    log:
        "work/logs/{name}.log",
    params:
        arguments=lambda w: shlex.join(job(w).arguments),
        fingerprint=lambda w: job(w).fingerprint(),
    conda:
        "environment.yaml"
    shell:
        HARNESS + " search {params.arguments} --out {output} > {log} 2>&1"


rule train:
    input:
        manifest,
        search=lambda w: record_path(job(w).search),
    output:
        RESULTS + "/records/{name}.json",
    wildcard_constraints:
        name=r"[^/]+/[^/]+/[^/]+/train-[^/]+",
    log:
        "work/logs/{name}.log",
    params:
        arguments=lambda w: shlex.join(job(w).arguments),
        fingerprint=lambda w: job(w).fingerprint(),
    conda:
        "environment.yaml"
    shell:
        HARNESS + " train {params.arguments} --search {input.search} --out {output} > {log} 2>&1"


rule tables:
    input:
        [path for dataset in CONFIG.datasets for path in records_of(dataset)],
    output:
        f"{RESULTS}/tables/relative_improvement.csv",
    log:
        "work/logs/tables.log",
    conda:
        "environment.yaml"
    shell:
        HARNESS + f" tables {BENCHMARK} --out {RESULTS} > {{log}} 2>&1"


rule track:
    input:
        lambda w: records_of(w.dataset),
    output:
        touch("work/tracked/{protocol}/{dataset}"),
    log:
        "work/logs/track/{protocol}/{dataset}.log",
    conda:
        "environment.yaml"
    shell:
        HARNESS + f" track {BENCHMARK} --dataset {{wildcards.dataset:q}} > {{log}} 2>&1"

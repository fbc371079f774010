"""What a batch asks a cluster for: minutes, memory and a GPU; and what a whole benchmark takes. Estimated from the
protocol before anything has run.

Too little costs little: a job that reaches its wall time goes on from its checkpoints in the next one, and one that
needs more memory is given more. The constants are upper bounds of results/published/laptop-2026-11-30 (seconds and
peak_megabytes of its records) and, for a GPU, what protocols/paper.py cites: a day for one training on a V100."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from harness.plan.batches import search_of
from harness.plan.jobs import RANDOM, Job, Search, Training
from spaces.parts.cpu.numerics import NATIVE

SEARCH_SECONDS, TRAINING_SECONDS = 9e-6, 2.5e-6  # per image, pixel, channel and cell, on one core
GPU = 640  # times faster than one core: 600 epochs of 50,000 images, 32x32, at 36 channels and 20 cells take a day
SPARE = 2  # times the estimate is asked for on a GPU, where there is no more than this one figure
SEARCH_VALUES, TRAINING_VALUES = 70, 30  # numbers kept for the backward pass, per image, pixel, channel and cell
LIBRARIES_MEGABYTES = 1000
START_MINUTES, ROUND_MINUTES, MOST_MINUTES = 5, 10, 24 * 60  # more is continued in the next cluster job
RECORD_BYTES, EPOCH_BYTES = 6_000, 150  # of a record, without curves, and of an epoch in them
SHOWN_BYTES, SHOWN_EPOCH_BYTES = 160_000, 1_600  # the same in MLflow: its database, pictures and the record again


class Needs(NamedTuple):
    """`minutes` of wall time, `megabytes` of memory, `gpus`: 1 or 0."""

    minutes: int
    megabytes: int
    gpus: int


class Estimate(NamedTuple):
    """Hours of a GPU, and of a core for what is computed on none; gigabytes of disk in the end."""

    gpu_hours: float
    core_hours: float
    gigabytes: float

    def __str__(self) -> str:
        gpu, core, disk = (f"{max(value, 0.1):,.{value < 10:d}f}" if value else "0" for value in self)
        return f"about {gpu} hours of a GPU, at most {core} of a processor's core, {disk} GB of disk"


def estimate(jobs: Iterable[Job], images: Callable[[Job], int]) -> Estimate:
    """Of all jobs together. `images`: in train and val together, of what a job reads."""
    kinds = Counter(map(_kind, jobs))
    hours = {True: 0.0, False: 0.0}
    for kind, times in kinds.items():
        hours[_on_gpu(kind)] += times * _seconds(kind, images(kind)) / 3600
    read = {(search_of(kind).dataset, kind.setting.image): images(kind) for kind in kinds if not kind.setting.looks_up}
    prepared = sum(3 * image**2 * count for (_, image), count in read.items())
    made = sum(times * _bytes(kind) for kind, times in kinds.items())
    return Estimate(hours[True], hours[False], (prepared + made) / 1e9)


def needs(jobs: Iterable[Job], hours: float, images: int) -> Needs:
    """Of jobs one after another, each of at most `hours`. `images`: in train and val together."""
    kinds = Counter(map(_kind, jobs))
    seconds = sum(
        times * min(3600 * hours, _seconds(kind, images) * (SPARE if _on_gpu(kind) else 1))
        for kind, times in kinds.items()
    )
    minutes = START_MINUTES + seconds / 60
    megabytes = LIBRARIES_MEGABYTES + max(map(_megabytes, kinds))
    return Needs(min(MOST_MINUTES, _up(minutes, ROUND_MINUTES)), _up(megabytes, 500), int(any(map(_on_gpu, kinds))))


def _kind(job: Job) -> Job:
    """The job of its kind with seed 0: all seeds need the same."""
    search = replace(search_of(job), seed=0)
    return replace(job, search=search, repeat=0, arch="") if isinstance(job, Training) else search


@cache
def _on_gpu(job: Job) -> bool:
    return job.mode == NATIVE and not job.setting.looks_up


@cache
def _seconds(job: Job, images: int) -> float:
    """A search that evaluates architectures is given what shared weights take: budgets see as many images."""
    s = job.setting
    if s.looks_up or (isinstance(job, Search) and job.method == RANDOM):
        return 1.0
    passes, each = (
        (s.budget.epochs, SEARCH_SECONDS) if isinstance(job, Search) else (s.training.epochs, TRAINING_SECONDS)
    )
    return passes * images * _size(job) * each / (GPU if job.mode == NATIVE else 1)


def _bytes(job: Job) -> int:
    """Records of what is looked up have no run of their own in MLflow."""
    if job.setting.looks_up:
        return RECORD_BYTES
    epochs = job.setting.training.epochs if isinstance(job, Training) else job.setting.budget.epochs
    return RECORD_BYTES + SHOWN_BYTES + epochs * (EPOCH_BYTES + SHOWN_EPOCH_BYTES)


@cache
def _megabytes(job: Job) -> float:
    if job.setting.looks_up:
        return 0.0
    if isinstance(job, Search):
        return 4e-6 * job.setting.budget.batch * _size(job) * SEARCH_VALUES
    return 4e-6 * job.setting.training.batch * _size(job) * TRAINING_VALUES


def _size(job: Job) -> float:
    """Pixels, channels and cells of what is trained, multiplied."""
    size = job.size(2, 3)
    return size.image**2 * size.channels * size.cells


def _up(value: float, step: int) -> int:
    return step * math.ceil(value / step)

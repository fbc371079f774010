"""What a batch asks a cluster for: minutes, memory and a GPU, estimated from the protocol before anything has run.

Too little costs little: a job that reaches its wall time goes on from its checkpoints in the next one, and one that
needs more memory is given more. The constants are upper bounds of results/published/laptop-2026-11-30 (seconds and
peak_megabytes of its records) and, for a GPU, of what protocols/paper.py cites: a day for one training on a V100."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from harness.plan.jobs import RANDOM, Job, Search
from spaces.parts.cpu.numerics import NATIVE

SEARCH_SECONDS, TRAINING_SECONDS = 9e-6, 2.5e-6  # per image, pixel, channel and cell, on one core
GPU = 300  # times faster than one core
SEARCH_VALUES, TRAINING_VALUES = 70, 30  # numbers kept for the backward pass, per image, pixel, channel and cell
LIBRARIES_MEGABYTES = 1000
START_MINUTES, ROUND_MINUTES, MOST_MINUTES = 5, 10, 24 * 60  # more is continued in the next cluster job
IMAGES = 60_000  # of a dataset that is not prepared yet: as the largest ones have


class Needs(NamedTuple):
    """`minutes` of wall time, `megabytes` of memory, `gpus`: 1 or 0."""

    minutes: int
    megabytes: int
    gpus: int


def needs(jobs: Iterable[Job], hours: float, images: int | None = None) -> Needs:
    """Of jobs one after another, each of at most `hours`. `images`: of train and val together, where they are known."""
    jobs = list(jobs)
    seconds = sum(min(3600 * hours, _seconds(job, images or IMAGES)) for job in jobs)
    minutes = START_MINUTES + seconds / 60
    megabytes = LIBRARIES_MEGABYTES + max(map(_megabytes, jobs))
    gpus = any(job.mode == NATIVE and not job.setting.looks_up for job in jobs)
    return Needs(min(MOST_MINUTES, _up(minutes, ROUND_MINUTES)), _up(megabytes, 500), int(gpus))


def _seconds(job: Job, images: int) -> float:
    """A search that evaluates architectures is given what shared weights take: budgets see as many images."""
    s = job.setting
    if s.looks_up or (isinstance(job, Search) and job.method == RANDOM):
        return 1.0
    passes, each = (
        (s.budget.epochs, SEARCH_SECONDS) if isinstance(job, Search) else (s.training.epochs, TRAINING_SECONDS)
    )
    return passes * images * _size(job) * each / (GPU if job.mode == NATIVE else 1)


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

"""What a job is: one search or one training, named by its axes. Its name is its path under results/, and its
fingerprint says everything that its numbers were made from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from harness.plan import fingerprints, rechecks, registry
from harness.plan.fingerprints import hash_of
from protocols.base import Setting, described
from protocols.parts.variants import Changes, changes, varied
from spaces.base import Size, UserError
from spaces.parts.cpu import build
from spaces.parts.cpu.numerics import PORTABLE
from spaces.parts.declared import PREFIX, Declared

RANDOM = "random_sampling"
LAYERS = "torch's layers"


def slug(name: str) -> str:
    """The name of a dataset or a space as a folder name: `folder:/data/birds` becomes `folder-birds-1f3a9c`."""
    kind, mark, path = name.partition(":")
    if not mark:
        return name
    short = re.sub(r"[^A-Za-z0-9]+", "-", Path(path).name)
    return f"{kind}-{short}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def fraction_of(channels: int, width: float) -> int:
    """A fraction of a number of channels, at least one."""
    return max(1, round(channels * width))


@dataclass(frozen=True, order=True)
class Search:
    """One search: `parameters` are the method's fields that the configuration sets, as sorted pairs. `numerics`: where
    they are not the protocol's. `ranked`: how many random architectures it measures with its shared weights at the
    end."""

    protocol: str
    dataset: str
    space: str
    method: str
    seed: int
    parameters: tuple[tuple[str, Any], ...] = ()
    numerics: str = ""
    ranked: int = 0

    @property
    def mode(self) -> str:
        """The numerics: "portable" or "native"."""
        return self.numerics or registry.protocol(self.protocol).numerics

    @property
    def rests_on(self) -> str:
        """The numerics and what computes. Two of these never share a fingerprint; known without compiling anything."""
        kernels = build.expected(self.mode == PORTABLE)
        return f"{self.mode}, {'kernels in C' if kernels else LAYERS}"

    @property
    def setting(self) -> Setting:
        return _setting(registry.protocol(self.protocol).setting(self.dataset), self.method)

    @property
    def folder(self) -> str:
        return f"{slug(self.dataset)}/{slug(self.space)}/{self.method}"

    @property
    def name(self) -> str:
        """Path of the record below results/<protocol>/records/, without its suffix."""
        return f"{self.folder}/search-{self.seed}"

    @property
    def key(self) -> dict[str, Any]:
        axes = asdict(self)
        del axes["parameters"], axes["numerics"], axes["ranked"]
        return axes

    def size(self, classes: int, inputs: int) -> Size:
        """Of the supernet."""
        s = self.setting
        channels = fraction_of(registry.space(self.space).searched.channels, s.search_width)
        return Size(channels, s.search_cells, classes, s.image, inputs, s.stem)

    def specification(self) -> dict[str, Any]:
        """Everything that decides the outcome, except the data and the libraries."""
        method = registry.method(self.method, **dict(self.parameters))
        return {
            **self.key,
            "version": registry.protocol(self.protocol).version,
            "parameters": asdict(method),
            **({"files": [_digest(path) for path in method.files()]} if method.files() else {}),
            **({"ranked": self.ranked} if self.ranked else {}),
            **_declaration(self.space),
            "setting": _as_dict(self.setting),
            "numerics": self.rests_on,
            "code": _code(self),
        }

    def modules(self) -> dict[str, str]:
        """The modules that decide the outcome, each with its hash."""
        proxies = registry.method(self.method, **dict(self.parameters)).proxies()
        proxies = [name for proxy in proxies for name in (proxy, *registry.proxy(proxy).terms)]
        parts = f"methods.{self.method}", _module(self.space), *(f"proxies.{name}" for name in proxies)
        return fingerprints.modules("harness.running.search", *parts)

    def fingerprint(self) -> str:
        return hash_of(self.specification())


def needs_torch(search: Search) -> bool:
    """Whether a search computes: a random architecture is drawn, and a table is read."""
    return not search.setting.looks_up and (search.method != RANDOM or bool(search.parameters))


@dataclass(frozen=True, order=True)
class Training:
    """One training from scratch of the architecture that a search found, or of one that is given by hand (`arch`, a
    text; the method is then a mere label). `variant`: how its setting differs from the protocol's, as `changes` gives
    it. `repeat` counts training seeds. `keep_weights`: whether the weights are written too, which moves no number: two
    trainings that differ in it alone are the same job."""

    search: Search
    variant: Changes = ()
    repeat: int = 0
    arch: str = ""
    keep_weights: bool = field(default=False, compare=False)

    @classmethod
    def of(cls, search: Search, asked: Mapping[str, Any], repeat: int = 0, arch: str = "") -> Training:
        """With changes as a user writes them. UserError for those that cannot be."""
        return cls(search, changes(search.setting, asked), repeat, arch)

    @classmethod
    def of_key(cls, key: Mapping[str, Any]) -> Training:
        """The training that a record's key names."""
        search = Search(*(key[axis] for axis in ("protocol", "dataset", "space", "method", "seed")))
        return cls.of(search, {**key.get("variant", {}), "cells": key["cells"]}, key["repeat"])

    @property
    def mode(self) -> str:
        return self.search.mode

    @property
    def rests_on(self) -> str:
        return self.search.rests_on

    @property
    def setting(self) -> Setting:
        return varied(self.search.setting, self.variant)

    @property
    def cells(self) -> int:
        return self.setting.cells

    @property
    def but_cells(self) -> dict[str, Any]:
        """The variant without its number of cells, which names and seeds have always had."""
        return {path: value for path, value in self.variant if path != "cells"}

    @property
    def name(self) -> str:
        but = "".join(f"-{path}={value}" for path, value in self.but_cells.items())
        return f"{self.search.folder}/train-{self.search.seed}-cells{self.cells}{but}-repeat{self.repeat}"

    @property
    def key(self) -> dict[str, Any]:
        """`main`: the training that the method is judged by; the others belong to ablations. `variant` where it changes
        more than the number of cells."""
        axes = {**self.search.key, "cells": self.cells, "repeat": self.repeat}
        named = {"variant": self.but_cells} if self.but_cells else {}
        return {**axes, **named, "main": not self.variant and self.repeat == 0}

    def size(self, classes: int, inputs: int, auxiliary: bool = True) -> Size:
        """Of the network; without `auxiliary`, of the network without its auxiliary head."""
        s = self.setting
        channels = fraction_of(registry.space(self.search.space).published.channels, s.width)
        return Size(channels, s.cells, classes, s.image, inputs, s.stem, auxiliary and s.tricks.auxiliary > 0)

    def specification(self) -> dict[str, Any]:
        return {
            **self.key,
            "version": registry.protocol(self.search.protocol).version,
            "search": self.arch or self.search.fingerprint(),
            **_declaration(self.search.space),
            "setting": _as_dict(self.setting),
            "numerics": self.rests_on,
            "code": _code(self),
        }

    def modules(self) -> dict[str, str]:
        measured = "harness.running.lookup" if self.setting.looks_up else "harness.running.train"
        return fingerprints.modules(measured, _module(self.search.space))

    def fingerprint(self) -> str:
        return hash_of(self.specification())


Job = Search | Training


def _module(space: str) -> str:
    """The module that defines a space."""
    return "spaces.parts.declared" if space.startswith("file:") else f"spaces.{space}"


def _code(job: Job) -> str:
    """Hash of the code that decides a job's outcome; of earlier code where a recheck has shown that it gives the
    same."""
    today = hash_of(job.modules())
    return rechecks.stands_for(job.key["protocol"]).get(today, today)


def _declaration(space: str) -> dict[str, str]:
    """What a space is that a file declares: its name does not say it."""
    found = registry.space(space) if space.startswith(PREFIX) else None
    return {"declared": found.digest} if isinstance(found, Declared) else {}


def data_folder(dataset: str, image: int) -> Path:
    """Where a prepared dataset lies."""
    return Path("work/data") / f"{slug(dataset)}-{image}"


def record_path(job: Job) -> Path:
    protocol = job.key["protocol"]
    return Path("results") / protocol / "records" / f"{job.name}.json"


def log_path(job: Job) -> Path:
    """What a job says while it runs."""
    return Path("work/logs") / job.key["protocol"] / f"{job.name}.log"


def _digest(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None


@cache
def _setting(setting: Setting, method: str) -> Setting:
    return replace(setting, budget=setting.budget.of(method))


_as_dict = cache(described)  # of a setting: one per dataset, asked for by every job

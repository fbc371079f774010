"""Reads a configuration: which searches and trainings make up a benchmark. Strict: what it does not know, it refuses.

No torch here: planning hundreds of jobs must stay instant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PrivateAttr, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from harness.plan import datasets, registry, spelling
from harness.plan.jobs import RANDOM, Job, Search, Training
from harness.plan.shipped import shipped
from harness.plan.studies import Count, DepthGap, Strict, Study, StudyEntry
from protocols.parts.variants import check_installed, varied
from spaces.base import UserError

Pairs = tuple[tuple[str, Any], ...]
RECORDS = "records"  # the folder beside those of the configurations
LONGEST = 200
"""Characters of a refused value that a message shows."""


class SearchEntry(Strict):
    """One method in one space; `set` gives values to the method's fields. `datasets`: where not on all of them, as with
    tables of several spaces."""

    method: str
    space: str
    set: dict[str, Any] = {}
    datasets: list[str] = []


class Folder(Strict):
    """A folder of images under a name of its own."""

    name: str
    folder: Annotated[str, Field(min_length=1)]


class Config(Strict):
    """config/*.yaml, field by field."""

    protocol: str
    datasets: list[str] = Field(min_length=1)
    folders: dict[str, str] = {}  # of the datasets that are written as {name: birds, folder: PATH}
    seeds: Count
    random: Annotated[int, Field(strict=True, ge=2)]
    searches: list[SearchEntry] = Field(min_length=1)
    depth_gap: DepthGap | None = None  # the study of depth, in short
    studies: list[StudyEntry] = []
    proxies: list[str] = []  # the random architectures get their scores
    data_root: str = "data"
    # a search or training that takes longer ends as a timeout
    hours_a_job: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] = 24.0
    rank_supernets: Annotated[bool, Field(strict=True)] = False  # searches measure the random architectures too
    keep_weights: Annotated[bool, Field(strict=True)] = False  # trainings write weights beside their records
    numerics: Literal["portable", "native"] | None = None  # of all jobs, where not the protocol's
    batch: Count = 1  # searches and trainings that the pipeline runs together, one after another
    _name: str = PrivateAttr("")  # that of its file

    @model_validator(mode="before")
    @classmethod
    def _named_folders(cls, content: Any) -> Any:
        """Takes the folders out of the list of datasets, of which names are left."""
        if not isinstance(content, dict) or not isinstance(content.get("datasets"), list):
            return content
        try:
            found = [Folder.model_validate(one) if isinstance(one, dict) else one for one in content["datasets"]]
        except ValidationError:
            raise ValueError("datasets: write a folder of images as {name: birds, folder: PATH}") from None
        folders = {one.name: one.folder for one in found if isinstance(one, Folder)}
        named = [one.name if isinstance(one, Folder) else one for one in found]
        same = [datasets.same(name) if isinstance(name, str) else name for name in named]
        return {**content, "datasets": same, **({"folders": folders} if folders else {})}

    @field_validator("datasets", "proxies")
    @classmethod
    def _no_duplicates(cls, values: list[Any]) -> list[Any]:
        for i, value in enumerate(values):
            if value in values[:i]:
                raise ValueError(f"{value!r} stands twice")
        return values

    @property
    def title(self) -> str:
        """Its protocol and its name: "laptop-default"."""
        return f"{self.protocol}-{self._name}"

    @property
    def results(self) -> Path:
        """Folder of its tables and figures. Beside it are the records, which the configurations of a protocol share."""
        return Path("results") / self.protocol / self._name

    @cached_property
    def ablations(self) -> tuple[Study, ...]:
        """The studies, that of depth among them. UserError where one cannot be."""
        entries: list[DepthGap | StudyEntry] = [*([self.depth_gap] if self.depth_gap else []), *self.studies]
        return tuple(entry.study(self.protocol) for entry in entries)

    @property
    def spaces(self) -> list[str]:
        """Those that are searched, and those of studies."""
        studied = {space for study in self.ablations for space in study.spaces}
        return sorted({entry.space for entry in self.searches} | studied)

    def searches_on(self, dataset: str) -> list[SearchEntry]:
        return [entry for entry in self.searches if not entry.datasets or dataset in entry.datasets]

    def searches_of(self, dataset: str) -> list[Search]:
        """Every search on a dataset: the methods', and the random baseline of each space."""
        found = [
            self._search(dataset, entry.space, entry.method, seed, registry.parameters(entry.method, entry.set))
            for entry in self.searches_on(dataset)
            for seed in range(self.seeds)
        ]
        searched = {entry.space for entry in self.searches_on(dataset)}
        scores = registry.parameters(RANDOM, {"scores": tuple(self.proxies)} if self.proxies else {})
        for space in self.spaces:
            wanted = [study.random for study in self.ablations if space in study.spaces and dataset in study.datasets]
            baseline = range(max(self.random * (space in searched), *wanted, 0))
            found += [self._search(dataset, space, RANDOM, seed, scores) for seed in baseline]
        return sorted(set(found))

    def _search(self, dataset: str, space: str, method: str, seed: int, parameters: Pairs = ()) -> Search:
        ranked = self.random if self.rank_supernets and method != RANDOM else 0
        return Search(self.protocol, dataset, space, method, seed, parameters, self.numerics or "", ranked)

    def trainings_of(self, dataset: str) -> list[Training]:
        """Every search's architecture once, and the trainings of the studies; those that several ask for, once."""
        searches, keep = self.searches_of(dataset), self.keep_weights
        found = {Training(search, keep_weights=keep) for search in searches}
        for study in self.ablations:
            if dataset in study.datasets:
                found.update(study.trainings(searches, keep))
        return sorted(found)

    @property
    def jobs(self) -> list[Job]:
        """Those of all datasets, one dataset after another."""
        return [job for name in self.datasets for job in self.jobs_of(name)]

    def jobs_of(self, dataset: str) -> list[Job]:
        """Every search and training on a dataset, searches first: each is trained, and is the same object there."""
        trainings = self.trainings_of(dataset)
        return [*dict.fromkeys(training.search for training in trainings if not training.arch), *trainings]


def load(path: Path, overrides: Mapping[str, Any] | None = None) -> Config:
    """The configuration in a file, or in the one of that name that comes with the project, some of its keys overridden,
    checked against what is there: UserError names the file, the place and the cure."""
    path = shipped(path)
    content = _content(path)
    if overrides and isinstance(content, dict):
        content |= overrides
    try:
        config = Config.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{path}: {_first(error)}") from None
    try:
        _check(config)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    config._name = _name(path)
    return config


def _name(path: Path) -> str:
    """Of a configuration, after its file; its tables' folder is named so."""
    name = re.sub(r"[^\w.-]+", "-", path.stem)
    if name == RECORDS:
        raise UserError(f"{path}: the name of the file names the folder of its tables, and {name} is taken: rename it")
    return name


def _content(path: Path) -> Any:
    """YAML 1.2: a key stands once, and 1e-3 is a number."""
    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except DuplicateKeyError as error:
        raise UserError(f"{path}:{error.problem_mark.line + 1}: {error.problem}: keep one") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from None


def _first(error: ValidationError) -> str:
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")  # Seeds is why seeds is missing
    place = ".".join(map(str, first["loc"])) or "the file"
    if first["type"] == "extra_forbidden":
        owners: dict[str, type[BaseModel]] = {"searches": SearchEntry, "depth_gap": DepthGap, "studies": StudyEntry}
        owner = owners.get(str(first["loc"][0]) if len(first["loc"]) > 1 else "")
        return str(registry.refuse("key", str(first["loc"][-1]), (owner or Config).model_fields, f"{place}: "))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] in ("missing", "value_error"):  # our own sentences say what they refuse
        return f"{place}: {message}"
    got = repr(first["input"])
    return f"{place}: {message}, got {got if len(got) <= LONGEST else got[:LONGEST] + '…'}"


def check_measure(protocol: str, dataset: str) -> None:
    """A table belongs to a protocol that looks up, and images to one that trains."""
    looks_up, is_table = registry.protocol(protocol).setting(dataset).looks_up, dataset.startswith("table:")
    if looks_up and not is_table:
        raise UserError(f"protocol {protocol} looks accuracies up, and {dataset} is no table: name table:FOLDER#NAME")
    if is_table and not looks_up:
        raise UserError(f"protocol {protocol} trains networks, and {dataset} is a table: use protocol lookup")


def _check(config: Config) -> None:
    """Names, parameters and pairs of method and space that cannot work, before any job starts."""
    spelling.check("protocols", config.protocol)
    registry.protocol(config.protocol)
    for name, folder in config.folders.items():
        datasets.know(name, Path(folder).expanduser())
    for dataset in config.datasets:
        datasets.named(dataset)
        check_measure(config.protocol, dataset)
    for entry in config.searches:
        spelling.check("methods", entry.method)
        spelling.check("spaces", entry.space)
        if entry.method == RANDOM:
            raise UserError(f"searches: {RANDOM} is the baseline, and runs by itself in every space: leave it out")
        space = registry.space(entry.space)
        if reason := registry.method(entry.method, **entry.set).unsupported(space):
            raise UserError(f"method {entry.method} cannot search space {entry.space}: {reason}")
    for name in config.proxies:
        registry.proxy(name)
    pairs = [(entry.method, entry.space) for entry in config.searches]
    for pair in pairs:
        if pairs.count(pair) > 1:
            cure = "keep one, or give the other a name of its own: a file methods/NAME.py"
            raise UserError(f"searches: {pair[0]} in {pair[1]} stands twice: {cure}")
    for entry in config.searches:
        for dataset in entry.datasets:
            if dataset not in config.datasets:
                raise registry.refuse("dataset", dataset, config.datasets, f"searches, {entry.method}: ")
    for dataset in config.datasets:
        if not config.searches_on(dataset):
            raise UserError(f"datasets: no search is on {dataset}: name it under one, or leave it out")
    for study in config.ablations:
        _check_study(config, study)


def _check_study(config: Config, study: Study) -> None:
    where = "depth_gap" if study.name == "depth_gap" else f"studies.{study.name}"
    for dataset in study.datasets:
        if dataset not in config.datasets:
            raise registry.refuse("dataset", dataset, config.datasets, f"{where}.datasets: ")
        setting = registry.protocol(config.protocol).setting(dataset)
        for made in study.resolved(setting).values():
            check_installed(varied(setting, made))
    if [other.name for other in config.ablations].count(study.name) > 1:
        raise UserError(f"{where} stands twice: give each study a name of its own")
    for space in study.spaces:
        try:
            registry.space(space)
        except UserError as error:
            raise UserError(f"{where}.space: {error}") from None
        study.check(space, config.seeds * sum(entry.space == space for entry in config.searches))

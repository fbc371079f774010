"""Studies: the same architectures trained under several variants of the protocol's setting. An ablation is a study.

A configuration names the architectures, the variants and how often each training is repeated (`StudyEntry`). `Study` is
what trainings are planned from and what the analysis reads them by; it needs no file but the configuration.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from harness.plan import registry
from harness.plan.jobs import RANDOM, Search, Training
from harness.plan.wirings import LABEL, Wired
from protocols.base import Setting
from protocols.parts.variants import Changes, changes, said, varied
from spaces.base import UserError

FINDS = "finds"
REFERENCE = "reference"
FEWEST = 3
"""Architectures of a study at least: two have one rank order."""
JOINED = " + "
Count = Annotated[int, Field(strict=True, ge=1, le=10_000)]
Change = dict[str, Any]


class Strict(BaseModel):
    """What a configuration holds: no other keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StudyEntry(Strict):
    """`space`: one, or a list whose architectures are compared too. `architectures`: a number of random ones in each
    space, `finds` (what the searches of the space found), the path of a file with one architecture a line, or a list of
    these; or `{operations: 12, wirings: 2}` (`Wired`). `variants`: changes by name (`protocols.parts.variants`).
    `factors`: changes of which every combination is a variant. `reference`: the change that all variants start from and
    are compared with; where it is left out, none: the main training. `repeats`: of each training; `variant_repeats`:
    of those that are not the reference's. `ceiling`: false where ranks need no ceiling, and so no second repeat."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    space: str | Annotated[list[str], Field(min_length=2)]
    datasets: list[str] = Field(min_length=1)
    architectures: int | str | Wired | list[int | str]
    variants: dict[str, Change] = {}
    factors: dict[str, Change] = {}
    reference: Change = {}
    repeats: Count = 2
    variant_repeats: Count | None = None
    ceiling: Annotated[bool, Field(strict=True)] = True

    def study(self, protocol: str) -> Study:
        """UserError for what can be no study."""
        where = f"studies.{self.name}"
        asked = self.architectures if isinstance(self.architectures, list) else [self.architectures]
        sources = tuple(asked)
        if self.ceiling and self.repeats < 2:
            raise UserError(f"{where}: one repeat gives no ceiling: write repeats: 2 or more, or ceiling: false")
        for label in (set(self.variants) & set(self.factors)) | ({REFERENCE} & {*self.variants, *self.factors}):
            raise UserError(f"{where}: {label!r} stands twice, or is the reference's own name: rename a variant")
        named = {**self.variants, **dict(_combined(self.factors))}
        spaces = (self.space,) if isinstance(self.space, str) else tuple(self.space)
        for space in spaces:
            if spaces.count(space) > 1:
                raise UserError(f"{where}.space: {space} stands twice")
        if not named and self.repeats < 2 and len(spaces) < 2:
            raise UserError(f"{where}: no variants and one repeat: name variants or factors, or repeats: 2 or more")
        variants = {REFERENCE: self.reference} | {name: self.reference | change for name, change in named.items()}
        repeats = self.repeats, self.variant_repeats or self.repeats
        datasets, factors = tuple(self.datasets), tuple(self.factors)
        return Study(protocol, self.name, spaces, datasets, sources, variants, factors, repeats)


class DepthGap(Strict):
    """Random architectures of a space, and what was found in it, trained at several depths with several seeds: a study
    of which `cells` are the variants, the first the reference."""

    space: str
    datasets: list[str] = Field(min_length=1)
    architectures: Annotated[int, Field(strict=True, ge=3)]
    cells: list[Count] = Field(min_length=2)
    repeats: Count = 2

    @field_validator("cells")
    @classmethod
    def _no_duplicates(cls, values: list[int]) -> list[int]:
        for value in values:
            if values.count(value) > 1:
                raise ValueError(f"{value} cells stand twice")
        return values

    def study(self, protocol: str) -> Study:
        variants = {f"{cells} cells": {"cells": cells} for cells in self.cells}
        first = next(iter(variants))
        variants = {REFERENCE: variants.pop(first), **variants}
        sources = (self.architectures, FINDS)
        datasets, repeats = tuple(self.datasets), (self.repeats,) * 2
        return Study(protocol, "depth_gap", (self.space,), datasets, sources, variants, (), repeats)


def _combined(factors: Mapping[str, Change]) -> Iterator[tuple[str, Change]]:
    for n in range(1, len(factors) + 1):
        for names in itertools.combinations(factors, n):
            yield JOINED.join(names), {path: value for name in names for path, value in factors[name].items()}


@dataclass(frozen=True)
class Study:
    """`sources`: a number of random architectures, FINDS, paths of files, or one `Wired`. `variants`: changes as they
    are written, by name, the reference first. `factors`: names of those of a factorial. `repeats`: of the reference,
    of the others."""

    protocol: str
    name: str
    spaces: tuple[str, ...]
    datasets: tuple[str, ...]
    sources: tuple[int | str | Wired, ...]
    variants: dict[str, Change]
    factors: tuple[str, ...]
    repeats: tuple[int, int]

    @property
    def random(self) -> int:
        """How many random architectures it needs."""
        return max((source for source in self.sources if isinstance(source, int)), default=0)

    @property
    def files(self) -> dict[str, Path]:
        """Files of architectures, by the label that stands in place of their method."""
        paths = [Path(source) for source in self.sources if isinstance(source, str) and source != FINDS]
        return {re.sub(r"[^A-Za-z0-9]+", "_", path.stem): path for path in paths}

    @property
    def wired(self) -> Wired | None:
        return next((source for source in self.sources if isinstance(source, Wired)), None)

    def given(self, space: str) -> Iterator[tuple[str, int, str]]:
        """(label, number, text) of the architectures that no search finds."""
        for label, path in self.files.items():
            yield from ((label, i, text) for i, text in enumerate(architectures(path, space)))
        try:
            yield from self.wired.drawn(space) if self.wired else ()
        except UserError as error:
            raise UserError(f"studies.{self.name}: {error}") from None

    def columns(self, dataset: str) -> dict[str, tuple[int, str]]:
        """How each variant is named in results: (cells, what else it changes)."""
        setting = registry.protocol(self.protocol).setting(dataset)
        found = {}
        for label, made in self.resolved(setting).items():
            but = tuple((path, value) for path, value in made if path != "cells")
            found[label] = varied(setting, made).cells, said(but)
        return found

    def resolved(self, setting: Setting) -> dict[str, Changes]:
        """The change that each variant makes of a setting, the reference first. UserError for an unknown path, an
        impossible value, and for two variants that are the same."""
        found: dict[str, Changes] = {}
        for label, asked in self.variants.items():
            try:
                made = changes(setting, asked)
            except UserError as error:
                raise UserError(f"studies.{self.name}, {label}: {error}") from None
            for other, same in found.items():
                if same == made:
                    named = "the reference" if other == REFERENCE else f"variant {other}"
                    raise UserError(f"studies.{self.name}: variant {label} equals {named}: change it, or leave it out")
            found[label] = made
        return found

    def check(self, space: str, searches: int) -> None:
        """UserError where it names fewer than three architectures of one of its spaces, which so many search."""
        found = self.random + searches * (FINDS in self.sources)
        found += sum(1 for _ in self.given(space))
        if found < FEWEST:
            raise UserError(f"studies.{self.name}: {found} architectures: a study needs at least {FEWEST}")
        for label in self.files:
            if label in registry.names("methods"):
                raise UserError(f"studies.{self.name}: file {label} has the name of a method: rename the file")

    def holds(self, method: str, seed: int) -> bool:
        """Whether an architecture, by the method and the seed of its search, is one of the study's."""
        if method == RANDOM:
            return seed < self.random
        if self.wired and method.startswith(LABEL):
            return seed < self.wired.operations and int(method.removeprefix(LABEL)) < self.wired.wirings
        return method in self.files or (FINDS in self.sources and method in registry.names("methods"))

    def times(self, label: str) -> int:
        return self.repeats[label != REFERENCE]

    def trainings(self, searches: list[Search], keep_weights: bool) -> Iterator[Training]:
        """`searches`: of one dataset."""
        chosen = [(search, "") for search in searches if search.space in self.spaces]
        chosen = [(search, "") for search, _ in chosen if self.holds(search.method, search.seed)]
        for space in self.spaces:
            for label, number, text in self.given(space):
                made = replace(searches[0], space=space, method=label, seed=number, parameters=())
                chosen.append((made, text))
        for search, text in chosen:
            for label, changed in self.resolved(search.setting).items():
                for repeat in range(self.times(label)):
                    yield Training(search, changed, repeat, text, keep_weights)


def architectures(path: Path, space: str) -> list[str]:
    """The canonical texts of a file with one architecture a line, blank lines and comments (#) left out. UserError
    where one is not of the space."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"file of architectures {path}: {getattr(error, 'strerror', None) or error}") from None
    found, known = [], registry.space(space)
    for number, line in enumerate(lines, 1):
        if (text := line.strip()) and not text.startswith("#"):
            try:
                found.append(known.text(known.parse(text)))
            except UserError as error:
                raise UserError(f"{path}, line {number}: no architecture of space {space}: {error}") from None
    for text in found:
        if found.count(text) > 1:
            raise UserError(f"{path}: architecture {text[:60]} stands twice: keep one")
    return found


def of_configuration(path: Path) -> tuple[Study, ...]:
    """The studies that a configuration names, whatever else it says: what a snapshot's tables are made with."""
    from ruamel.yaml import YAML

    content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    entries: list[DepthGap | StudyEntry] = [StudyEntry.model_validate(entry) for entry in content.get("studies", [])]
    if gap := content.get("depth_gap"):
        entries.insert(0, DepthGap.model_validate(gap))
    return tuple(entry.study(content["protocol"]) for entry in entries)

"""`file:PATH`: a space that a YAML file declares, without code. It has no networks: it is measured by a table.

name: phones                     # letters, digits and _
decisions:                       # the options of each decision; an architecture takes one of each
  depth: [2, 3, 4]
  kernel: [3, 5]
text: names                      # how an architecture is written. names: depth=2,kernel=5 (the default);
                                 # digits: 01, the numbers of the options; or any text such as "|{depth}|{kernel}|"
architectures: phones.txt        # those that exist, one a line, in a file beside this one; without it, all
"""

from __future__ import annotations

import difflib
import hashlib
import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any

from spaces.base import Arch, Size, Space, UserError

if TYPE_CHECKING:
    from spaces.parts.network import Network

PREFIX = "file:"
COPY = "space.yaml"
KEYS = ("name", "decisions", "text", "architectures")
Design = tuple[str, ...]
"""The option at each decision."""


@dataclass(frozen=True)
class Declared(Space):
    """`form`: pairs (text in front of a decision, number of the decision; -1 for none), which written one after another
    make up an architecture's text. `listed`: the architectures that exist, sorted; empty where all do."""

    name: str
    decisions: tuple[str, ...]
    options: tuple[tuple[str, ...], ...]
    form: tuple[tuple[str, int], ...]
    digits: bool = False  # texts have the numbers of options
    listed: tuple[Arch, ...] = ()
    choices: tuple[int, ...] = field(init=False, compare=False)
    _listed: frozenset[Arch] = field(init=False, compare=False, repr=False)

    published = searched = Size(channels=16, cells=1, classes=10, image=32)  # of networks that nobody can build

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", tuple(len(options) for options in self.options))
        object.__setattr__(self, "_listed", frozenset(self.listed))

    def decode(self, arch: Arch) -> Design:
        if not self.valid(arch):
            raise UserError(f"{arch} is no architecture of space {self.name}")
        return tuple(options[i] for options, i in zip(self.options, arch))

    def encode(self, design: Design) -> Arch:
        arch = tuple(options.index(option) for options, option in zip(self.options, design))
        if not self.valid(arch):
            raise UserError(f"{self.write(design)} is not among the architectures of space {self.name}")
        return arch

    def write(self, design: Design) -> str:
        return "".join(
            text + (self._words(i)[self.options[i].index(design[i])] if i >= 0 else "") for text, i in self.form
        )

    def read(self, text: str) -> Design:
        found = self._whole.fullmatch(text)
        if not found:
            raise self._mistake(text)
        at = {i: found[f"d{i}"] for _, i in self.form if i >= 0}
        return tuple(options[self._words(i).index(at[i])] for i, options in enumerate(self.options))

    def network(self, design: Design, size: Size) -> Network:
        raise UserError(f"space {self.name} has no networks: it can be measured by a table only")

    def valid(self, arch: Arch) -> bool:
        return super().valid(arch) and (not self._listed or arch in self._listed)

    def sample(self, rng: random.Random) -> Arch:
        return rng.choice(self.listed) if self.listed else super().sample(rng)

    def mutate(self, arch: Arch, rng: random.Random) -> Arch:
        """As in any space. Where architectures are listed: one of the neighbours, each as likely as the others, or any
        architecture where there is no neighbour."""
        if not self.listed:
            return super().mutate(arch, rng)
        near = list(self.neighbours(arch))
        return rng.choice(near) if near else self.sample(rng)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that was declared: what a record's fingerprint has to hold."""
        said = (self.name, self.decisions, self.options, self.form, self.digits, self.listed)
        return hashlib.sha256(repr(said).encode()).hexdigest()

    @cached_property
    def _whole(self) -> re.Pattern[str]:
        return re.compile(self._pattern(len(self.form)))

    def _words(self, decision: int) -> tuple[str, ...]:
        """The options of a decision as texts have them."""
        options = self.options[decision]
        return tuple(map(str, range(len(options)))) if self.digits else options

    def _pattern(self, parts: int) -> str:
        """A regular expression for the first so many parts of the form."""
        return "".join(
            re.escape(text) + (f"(?P<d{i}>{'|'.join(map(re.escape, self._words(i)))})" if i >= 0 else "")
            for text, i in self.form[:parts]
        )

    def _mistake(self, text: str) -> UserError:
        """Names the first decision that cannot be read."""
        shown = text if len(text) <= 60 else text[:57] + "…"
        parts = next((k for k in range(len(self.form)) if not re.match(self._pattern(k + 1), text)), None)
        if parts is None or self.form[parts][1] < 0:
            return UserError(
                f"{shown!r} has too much or too little text for space {self.name}, as in {self._example()}"
            )
        before, i = self.form[parts]
        words = ", ".join(self._words(i))
        return UserError(
            f"{shown!r}: expected {before!r} and one of {words} for {self.decisions[i]}, as in {self._example()}"
        )

    def _example(self) -> str:
        return self.write(tuple(options[0] for options in self.options))


@cache
def declared(name: str) -> Declared:
    """The space `file:PATH`; read once. UserError where the file is missing or declares no space."""
    path = Path(name.removeprefix(PREFIX)).expanduser()
    if name == PREFIX or path.is_dir():
        raise UserError(f"space {name!r} names no file: wanted file:PATH of a YAML file with name and decisions")
    content = load(path)
    for key in content:
        if key not in KEYS:
            near = difflib.get_close_matches(str(key), KEYS, 1)
            raise UserError(f"{path}: unknown key {key!r}: {f'did you mean {near[0]}?' if near else f'known: {KEYS}'}")
    label = content.get("name", path.stem)
    if not isinstance(label, str) or not re.fullmatch(r"\w{1,60}", label, re.ASCII):
        raise UserError(f"{path}: name is {label!r}: use letters, digits and _")
    decisions, options = _options(content.get("decisions"), path)
    form, digits = _form(content.get("text", "names"), decisions, path)
    _unambiguous(form, options, path, digits)
    space = Declared(label, decisions, options, form, digits)
    if (listed := content.get("architectures")) is None:
        return space
    return Declared(label, decisions, options, form, digits, _listed(space, path.parent / _plain(listed, path)))


def files(path: Path) -> dict[str, bytes]:
    """What a copy of the space needs: its file, named space.yaml, and the list of its architectures, if any."""
    listed = load(path).get("architectures")
    names = {COPY: path.name} if listed is None else {COPY: path.name, _plain(listed, path): str(listed)}
    try:
        return {copy: (path.parent / name).read_bytes() for copy, name in names.items()}
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from None


def load(path: Path) -> dict[str, Any]:
    """The content of a YAML file (YAML 1.2, plain data) that is a mapping. UserError names the file."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no keys: wanted a mapping, one key a line")
    return content


def _options(content: Any, path: Path) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Names and options of all decisions."""
    if not isinstance(content, Mapping) or not content:
        raise UserError(f"{path}: decisions must map each decision to the list of its options")
    found = []
    for name, options in content.items():
        if not isinstance(options, list) or not options:
            raise UserError(f"{path}: decision {name!r} needs a list of options, got {options!r}")
        words = tuple(str(option) for option in options if isinstance(option, str | int | float))
        if len(set(words)) != len(options) or not all(words) or any("\n" in word for word in words):
            raise UserError(
                f"{path}: decision {name!r}: each option must be a different text or number, got {options!r}"
            )
        found.append(words)
    return tuple(map(str, content)), tuple(found)


def _form(text: Any, decisions: tuple[str, ...], path: Path) -> tuple[tuple[tuple[str, int], ...], bool]:
    if text == "digits":
        return tuple(("", i) for i in range(len(decisions))), True
    if text == "names":
        return tuple((f"{',' if i else ''}{name}=", i) for i, name in enumerate(decisions)), False
    try:
        parts = list(Formatter().parse(text if isinstance(text, str) and "\n" not in text else "{"))
    except ValueError:
        raise UserError(
            f"{path}: text is {text!r}: use names, digits, or a text with each decision in braces"
        ) from None
    named = [name for _, name, _, _ in parts if name is not None]
    if sorted(named) != sorted(decisions):
        raise UserError(f"{path}: text {text!r} must name each of {', '.join(decisions)} once, in braces")
    return tuple((literal, -1 if name is None else decisions.index(name)) for literal, name, _, _ in parts), False


def _unambiguous(
    form: Iterable[tuple[str, int]], options: tuple[tuple[str, ...], ...], path: Path, digits: bool
) -> None:
    """UserError where two architectures could have one text: no text, or one that is part of an option, ends a decision
    whose options differ in length."""
    parts = list(form)
    for (_, decision), (after, _) in zip(parts, [*parts[1:], ("", -1)]):
        words = [str(i) for i in range(len(options[decision]))] if digits else options[decision]
        last = (after, decision) == ("", parts[-1][1])
        if decision < 0 or last or len({len(word) for word in words}) == 1:
            continue
        if not after or any(after[0] in word for word in words):
            raise UserError(f"{path}: text: put a character between decisions that none of their options has")


def _plain(name: Any, path: Path) -> str:
    if not isinstance(name, str) or Path(name).name != name:
        raise UserError(f"{path}: architectures is {name!r}: name a file in the same folder")
    return name


def _listed(space: Declared, path: Path) -> tuple[Arch, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {error}") from None
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(space.parse(line.strip()))
            except UserError as error:
                raise UserError(f"{path}:{number}: {error}") from None
    if not found:
        raise UserError(f"{path} lists no architecture: write one a line")
    return tuple(sorted(set(found)))

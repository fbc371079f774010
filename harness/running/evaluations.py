"""What a search asks about architectures, how the answers are kept, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple
from typing import Any, NamedTuple, Protocol

from methods.parts.fronts import front
from protocols.base import Fidelity
from spaces.base import Arch, UserError

Question = tuple[Arch, Fidelity]


class Answer(NamedTuple):
    """`accuracy`: on the validation half, 0 to 1. `seconds`: what a table says that the training took; 0 where it was
    trained here, and the record's own time counts."""

    accuracy: float
    images: int = 0
    seconds: float = 0.0


class Measure(Protocol):
    """What answers: short trainings, or a table. `full`: the fidelity of what is not reduced."""

    @property
    def full(self) -> Fidelity: ...
    def __call__(self, arch: Arch, fidelity: Fidelity) -> Answer: ...
    def fidelities(self, axis: str) -> tuple[Fidelity, ...]: ...
    def reduced(self, reduction: Mapping[str, float]) -> Fidelity: ...
    def cost(self, metric: str, arch: Arch) -> float: ...
    def score(self, proxy: str, arch: Arch) -> float: ...


class Journal(dict[Question, Answer]):
    """The answers so far, in their order. Its state is what a checkpoint keeps."""

    def state_dict(self) -> dict[str, Any]:
        return {
            "rows": [[list(arch), list(astuple(fidelity)), list(answer)] for (arch, fidelity), answer in self.items()]
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.update({(tuple(arch), Fidelity(*how)): Answer(*answer) for arch, how, answer in state["rows"]})


class Evaluations:
    """The questions of one search, `allowed` at full fidelity. `measure` answers a new one. `journal` has the answers
    of an earlier attempt at the same search, which cost what they cost then; `keep` is called after each addition."""

    def __init__(self, allowed: int, measure: Measure, journal: Journal, keep: Callable[[], None]):
        self.full = measure.full
        self.asked: dict[Question, Answer] = {}
        self.incumbents: list[Arch] = []
        self._allowed = allowed
        self._measure, self._journal, self._keep = measure, journal, keep
        self._passes = 0.0
        self._best = (0.0, 0.0, 0.0), 0.0

    def ask(self, arch: Arch, fidelity: Fidelity) -> Answer:
        """RuntimeError where the budget does not suffice."""
        question = arch, fidelity
        if question not in self.asked:
            if self._passes + fidelity.passes > self._allowed * self.full.passes + 1e-9:
                raise RuntimeError(
                    f"the method asks for more than the {self._allowed} evaluations that the protocol allows"
                )
            if question not in self._journal:
                self._journal[question] = self._measure(arch, fidelity)
                self._keep()
            self._take(question)
        return self.asked[question]

    def _take(self, question: Question) -> None:
        """Counts an answer, and compares it with the best so far: by fidelity first, then by accuracy."""
        arch, fidelity = question
        answer = self.asked[question] = self._journal[question]
        self._passes += fidelity.passes
        found = (fidelity.passes, fidelity.channels, fidelity.resolution), answer.accuracy
        if not self.incumbents or found > self._best:
            self._best = found
            self.incumbents.append(arch)

    @property
    def left(self) -> float:
        """In evaluations at full fidelity."""
        return self._allowed - self._passes / self.full.passes

    def front(self, text: Callable[[Arch], str], cost: Callable[[Arch], float]) -> dict[str, list[str]]:
        """What was answered at full fidelity and is beaten by none in accuracy and cost, the cheapest first; nothing
        where costs are not known."""
        full = [(arch, answer.accuracy) for (arch, how), answer in self.asked.items() if how == self.full]
        try:
            kept = front([(accuracy, cost(arch)) for arch, accuracy in full])
        except UserError:
            return {}
        return {"front": [text(full[i][0]) for i in kept]}

    def total(self, field: str) -> float:
        """The sum of a field over all answers."""
        return sum(getattr(answer, field) for answer in self.asked.values())

    def state_dict(self) -> dict[str, Any]:
        return {"journal": self._journal.state_dict(), "asked": len(self.asked)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._journal.load_state_dict(state["journal"])
        for question in list(self._journal)[: state["asked"]]:
            self._take(question)

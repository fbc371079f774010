"""One card per method, from its own file: paper, what departs and why, hyper-parameters, and where it was checked."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import fields
from typing import Any

from harness.plan import config, registry
from harness.plan.jobs import RANDOM
from harness.plan.shipped import SHIPPED
from harness.report.site import snapshots, verdicts
from methods.parts.queries import QueryMethod

HEAD = """\
# Methods

One card per method, made from its own file by `python -m harness cards`: the paper, what is exact, what departs from it
and why, the hyper-parameters, and the tests that check it ([fidelity.md](fidelity.md) has every fact with its command).
The embedded benchmark is config/default.yaml; its column has the values that it sets otherwise."""
PUBLISHED = "published: "  # how the comment on a field says that its default is not the paper's


def cards() -> str:
    """Markdown."""
    benchmark = config.load(SHIPPED / "config/default.yaml")
    return "\n\n".join([HEAD, *(_card(name, benchmark) for name in registry.names("methods"))]) + "\n"


def _card(name: str, benchmark: config.Config) -> str:
    method = type(registry.method(name))
    module = inspect.getmodule(method)
    title, _, text = (inspect.getdoc(module) or "").partition("\n")
    parts = [f"## {name}", title, text.strip()]
    if method.__doc__ and not method.__doc__.startswith(f"{method.__name__}("):  # which dataclass wrote
        parts.append(inspect.cleandoc(method.__doc__))
    ours = {entry.method: entry.set for entry in benchmark.searches}
    if fields(method):
        parts.append(_parameters(method, ours.get(name)))
    parts += [_budget(name, benchmark), _published(name), _checks(name)]
    return "\n\n".join(part for part in parts if part)


def _budget(name: str, benchmark: config.Config) -> str:
    """What a search may spend at the size of the embedded benchmark."""
    protocol = registry.protocol(benchmark.protocol)
    budgets = {protocol.setting(dataset).budget.of(name) for dataset in benchmark.datasets}
    if name == RANDOM:
        return ""
    if isinstance(registry.method(name), QueryMethod):
        spent = {f"{one.evaluations} evaluations of {one.evaluation_epochs} epochs" for one in budgets}
    else:
        spent = {f"{one.epochs} epochs" for one in budgets}
    return f"At the size of the embedded benchmark a search has {' or '.join(sorted(spent))}."


def _published(name: str) -> str:
    """What the snapshots say of the method."""
    lines = [
        f"- {folder.name}, in the space {space}: {' '.join(said.split())}"
        for folder in snapshots()
        for (method, space), said in verdicts(folder)
        if method == name
    ]
    head = "Published, relative improvement over random architectures in %, with its interval (≈: not significant):"
    return "\n".join([head, "", *lines]) if lines else ""


def _parameters(method: type, ours: dict[str, Any] | None) -> str:
    """`ours`: the values of the embedded benchmark; None where the method is not in it."""
    said = dict(re.findall(r"^    (\w+): [^#\n]*#\s*(.+)$", inspect.getsource(method), re.MULTILINE))
    head = ["parameter", "published", "default", *(["embedded benchmark"] if ours is not None else []), ""]
    rows = [head, ["---"] * len(head)]
    for field in fields(method):
        default = f"{field.default:.4g}" if isinstance(field.default, float) else str(field.default)
        published, text = default, said.get(field.name, "")
        if text.startswith(PUBLISHED):
            published, _, text = text.removeprefix(PUBLISHED).partition(". ")
        set_to = [str(ours.get(field.name, "same"))] if ours is not None else []
        rows.append([f"`{field.name}`", published, default, *set_to, text])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _checks(name: str) -> str:
    """The tests of the method and of its space, which are named after what they hold."""
    lines = []
    for file in sorted((registry.ROOT / "tests").rglob("test_*.py")):
        if file.stem in (f"test_method_{name}", f"test_space_{name}", f"test_{name}"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
            tests = [name.removeprefix("test_") for name in functions if name.startswith("test_")]
            said = "; ".join(test.replace("_", " ") for test in tests)
            lines.append(f"- {file.relative_to(registry.ROOT).as_posix()}: {said}.")
    return "\n".join(["Checked in tests/test_conformance.py, as every method is, and in:", "", *lines])

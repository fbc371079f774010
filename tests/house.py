"""The imports of this project's own modules, read from their files."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

from harness.plan.registry import ROOT

FOLDERS = ("spaces", "protocols", "methods", "proxies", "harness", "benchmarks")
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def module(path: Path) -> str:
    """ "harness.plan.jobs"; a package is its __init__.py."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def modules() -> dict[str, Path]:
    return {module(path): path for path in FILES}


def imports(path: Path, anywhere: bool = True) -> set[str]:
    """Full names of what a file imports; with `anywhere` also inside functions and for type checkers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree) if anywhere else tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports hide where a name comes from"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                names.add(inner if inner in modules() else str(node.module))
    return names


def arrows() -> dict[str, set[str]]:
    """Each module of the house and the modules of the house that it imports."""
    return {name: {other for other in imports(path) if other in modules()} for name, path in modules().items()}


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or through others (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in edges.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = [stack.pop()]
            while group[-1] != node:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for node in edges:
        if node not in index:
            visit(node)
    return found


def packages(edges: dict[str, set[str]], depth: int) -> dict[str, set[str]]:
    """The arrows between packages: names cut to `depth` parts."""
    cut: dict[str, set[str]] = defaultdict(set)
    for name, others in edges.items():
        for other in others:
            a, b = (".".join(part.split(".")[:depth]) for part in (name, other))
            if a != b:
                cut[a].add(b)
    return dict(cut)

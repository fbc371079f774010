"""The benchmark, and the records, that a command's options name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.plan.config import Config

Pairs = Iterable[tuple[str, Any]]


def benchmark(config: Path, override: Pairs) -> Config:
    from harness.plan import config as configuration

    return configuration.load(config, dict(override))


def records(records: Path | None, config: Path | None, override: Pairs) -> Any:
    """A path as given, or the paths of a benchmark's records, none of them missing or stale."""
    if config is None:
        return records
    from harness.records import belonging

    return belonging.checked(benchmark(config, override))


def studies(records: Path | None, config: Path | None, override: Pairs) -> Any:
    """The studies of a configuration; None where there is none."""
    return None if config is None else benchmark(config, override).ablations

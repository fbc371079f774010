"""`cards`: the page docs/methods.md."""

from __future__ import annotations

from harness.cli.base import command


@command(examples="python -m harness cards   # docs/methods.md is its output")
def cards() -> None:
    """Print one card per method, as Markdown: docs/methods.md."""
    from harness.report.cards import cards

    print(cards(), end="")

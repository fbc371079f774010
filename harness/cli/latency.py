"""`latency`: the cost table of a search that counts time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.base import command
from harness.cli.parts import options
from harness.cli.parts.values import COUNT, PATH

EXAMPLES = "python -m harness latency --space fbnet --out cpu.json   # then: search ... --set latency_table=cpu.json"


@command(examples=EXAMPLES)
@options.space
@click.option("--out", type=PATH, required=True, help="The JSON file to write; a method's latency_table names it.")
@options.size("channels", "Channels of the supernet.")
@options.size("image", "Side of the image in pixels.")
@click.option("--repeats", type=COUNT, default=50, help="Measurements per block; their median counts.")
def latency(space: str, out: Path, channels: int | None, image: int | None, repeats: int) -> None:
    """Measure how long each block of a space takes here.

    For layer-wise spaces, on this machine. The result is a cost table for a search.
    """
    from dataclasses import replace

    from harness.plan import registry

    found = registry.space(space)
    given: dict[str, Any] = {name: value for name, value in (("channels", channels), ("image", image)) if value}
    from harness.running import latency

    latency.write(out, latency.measure(found, replace(found.searched, **given), repeats))

"""`describe`: the size of an architecture, or of a supernet."""

from __future__ import annotations

import json
from typing import Any

import click

from harness.cli.base import command
from harness.cli.parts import options, texts
from harness.cli.parts.values import PAIR

EXAMPLES = """
python -m harness describe --space fbnet --arch "$(python -m harness sample --space fbnet)"
python -m harness describe --space darts --supernet
"""


@command(one_of=("arch", "supernet"), examples=EXAMPLES)
@options.space
@options.arch("Either this or --supernet.")
@click.option("--supernet", is_flag=True, help="The space's weight-sharing network instead.")
@options.size("cells", "Number of cells.")
@options.size("channels", "Channels of the first cell.")
@options.size("classes", "Number of classes.")
@options.size("image", "Side of the image in pixels.")
@options.size("inputs", "Channels of the image.")
@click.option("--stem", type=click.Choice(("cifar", "imagenet")), help="The layers before the first cell.")
@click.option("--auxiliary", is_flag=True, help="With the auxiliary head.")
@click.option("--reading", type=PAIR, multiple=True, metavar="FIELD=VALUE", help="A field of the space. Repeatable.")
def describe(
    space: str, arch: str | None, supernet: bool, auxiliary: bool, reading: tuple[tuple[str, Any], ...], **sizes: Any
) -> None:
    """Print parameters, multiply-adds and text of an architecture.

    The output is JSON. With --supernet it describes the weight-sharing network of the space.
    """
    from dataclasses import replace

    from harness.plan import registry

    found = registry.space(space, **dict(reading))
    usual = found.searched if supernet else found.published
    size = replace(usual, **{name: value for name, value in sizes.items() if value is not None})
    design = texts.design(found, space, arch) if arch else None  # a mistake in it is seen before torch is loaded
    from harness.running import counts

    if supernet:
        print(json.dumps(counts.describe_supernet(found, size)))
    else:
        numbers = counts.describe(found, design, replace(size, auxiliary=auxiliary))
        print(json.dumps({"arch": found.write(design), **numbers}))

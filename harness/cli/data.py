"""`data`: a dataset made ready for training."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from harness.cli.base import command
from harness.cli.parts import options
from harness.cli.parts.values import COUNT, PATH
from spaces.base import UserError
from spaces.parts.cpu import numerics

EXAMPLES = """
python -m harness data --dataset digits --image 12   # writes work/data/digits-12
python -m harness data --dataset birds --folder ~/pictures/birds --image 64
"""


@command(examples=EXAMPLES)
@options.dataset
@click.option("--image", type=COUNT, required=True, help="Side of the images in pixels.")
@click.option("--folder", type=PATH, help="Folder of images that gets the name DATASET.")
@click.option("--root", type=PATH, default=Path("data"), help="Folder of the downloaded datasets.")
@click.option("--out", type=PATH, help="Folder to write.  [default: work/data/DATASET-IMAGE]")
def data(dataset: str, image: int, folder: Path | None, root: Path, out: Path | None) -> None:
    """Prepare a dataset: decode, resize, split, store.

    Images are stored as plain tensors with checksums. Says what it holds, what was left out or changed and why, and
    which files are there twice; contact.png beside the tensors shows how the images look.
    """
    with suppress(UserError):  # the same images for all numerics, also on another processor
        numerics.choose(numerics.PORTABLE)
    from harness.plan import datasets
    from harness.plan.jobs import data_folder

    if folder:
        datasets.know(dataset, folder)
    found = datasets.named(dataset)
    place = out or data_folder(found.name, image)
    datasets.prepare(found, image, place, root)
    for line in datasets.summary(place):
        print(line)

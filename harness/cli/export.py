"""`export`: a trained network as a file that loads without this project."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.base import command
from harness.cli.parts.values import PATH, RECORD
from spaces.base import UserError

EXAMPLES = """
python -m harness export results/laptop/records/digits/darts/darts/train-0-cells4-repeat0.json --out net.pt2
"""


@command(examples=EXAMPLES)
@click.argument("record", type=RECORD, metavar="RECORD", help="Record of a training that kept its weights.")
@click.option("--out", type=PATH, required=True, help="The file to write, for torch.export.load: NAME.pt2.")
@click.option("--onnx", type=PATH, metavar="FILE", help="Write an ONNX model there too. Needs the extra [onnx].")
def export(record: Path, out: Path, onnx: Path | None) -> None:
    """Write a trained network as a file that torch alone loads.

    Trainings keep their weights where the configuration says keep_weights: true. docs/using.md shows how to load both
    files. A file that exists is not overwritten.
    """
    from harness.records import write_atomically
    from harness.records.kept import kept

    found = kept(record)
    for file in filter(None, (out, onnx)):
        if file.exists():
            raise UserError(f"{file} exists: delete it, or choose another name")
    from harness.running import export

    if onnx:
        export.needs_onnx()
    description = export.about(found)
    program = export.program(export.trained(record, found), description["inputs"], description["image"])
    write_atomically(out, export.program_file(program, description))
    if onnx:
        write_atomically(onnx, export.onnx_file(program, description))
    print(f"{out}: test accuracy {description['test_accuracy']:.4f} on {description['dataset']}, {description['arch']}")

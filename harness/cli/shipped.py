"""`shipped`: where the files of the pipeline are."""

from __future__ import annotations

from harness.cli.base import command

EXAMPLES = """
python -m harness shipped   # then, in any folder: snakemake --snakefile FOLDER/Snakefile --cores 8 all
"""


@command(examples=EXAMPLES)
def shipped() -> None:
    """Print the folder of the Snakefile, profiles/ and config/."""
    from harness.plan.shipped import SHIPPED

    print(SHIPPED)

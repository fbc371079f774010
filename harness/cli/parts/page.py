"""The commands on the site of the documentation, from their own help. mkdocs.yml names this file as a hook; the page is
made when the site is built, and stands nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc
from typing import TYPE_CHECKING, cast

import click

from harness.cli.base import Command, Group, commands

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

NAME = "commands.md"

HEAD = """\
# The command line

Every job of the pipeline is one of these commands, so each can be typed by hand. The defaults are the files and folders
of the pipeline. `python -m harness COMMAND --help` prints what this page says of a command. Where the project is
installed, `nas-vs-random COMMAND` does the same as `python -m harness COMMAND`. `nas-vs-random --version` prints the
version and the commit.

A command exits with 0 where it did its work, and with 2 after one line that says what is wrong and what to do; its help
says where it exits with 1.
[using.md](using.md) has the columns of a CSV, the content of a snapshot, what MLflow shows, and
[completion with the Tab key](using.md#commands).
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the page to the site."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, NAME, content=page()))
    return files


def page() -> str:
    """Markdown."""
    root = click.Context(commands, info_name="python -m harness", **commands.context_settings)
    return HEAD + "".join(_section(name, root) for name in commands.list_commands(root))


def _section(name: str, root: click.Context) -> str:
    command = commands.get_command(root, name)
    assert command is not None  # it was listed
    if not isinstance(command, Group):
        return _of_command(f"## {name}", command, click.Context(command, root, name))
    context = click.Context(command, root, name)
    inner = (
        _of_command(f"### {name} {each}", cast(Command, one), click.Context(one, context, each))
        for each, one in sorted(command.commands.items())
    )
    return f"\n## {name}\n\n{cleandoc(command.help or '')}\n" + "".join(inner)


def _of_command(heading: str, command: Command, context: click.Context) -> str:
    parts = [heading, cleandoc(command.help or ""), "\n".join(_parameters(command, context))]
    parts.append("\n".join(["```bash", *command.examples, "```"]))
    return "\n" + "\n\n".join(part for part in parts if part) + "\n"


def _parameters(command: Command, context: click.Context) -> Iterator[str]:
    for param in command.params:
        names, text = param.get_help_record(context) or ("", "")
        yield f"- `{names}`: {text.replace('  [', ' [')}"

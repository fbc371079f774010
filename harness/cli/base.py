"""What commands are made of: the group that finds them, and a command with its examples."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import click
from click.exceptions import NoSuchCommand

FOLDER = Path(__file__).parent
NOT_COMMANDS = {"__init__", "base"}
PROJECT = "nas-vs-random"


class Command(click.Command):
    """`one_of`: parameters of which exactly one has to be given. `examples`: shell lines, for the help and the page.
    `forks`: starts processes of its own and looks after its driver itself, because a fork and a thread do not mix."""

    def __init__(
        self, *args: Any, one_of: Sequence[str] = (), examples: str = "", forks: bool = False, **settings: Any
    ) -> None:
        super().__init__(*args, **settings)
        self.one_of, self.forks = one_of, forks
        self.examples = examples.strip().splitlines()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        if self.one_of and not ctx.resilient_parsing and sum(bool(ctx.params[name]) for name in self.one_of) != 1:
            names = [param.opts[0] for param in self.params if param.name in self.one_of]
            raise click.UsageError(f"Give exactly one of {' and '.join(names)}.", ctx)
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        from harness.running.driver import follow_driver

        if not self.forks:
            follow_driver()
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # the reader of a pipe, such as `head`, has read enough; click would exit with 1
            sys.stderr.close()  # Python would report the unwritten rest of stdout
            return 0

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_examples(self.examples, formatter)


class Group(click.Group):
    """A command that is made of others, such as `table import`. Its examples are theirs."""

    @property
    def examples(self) -> list[str]:
        return [line for one in self.commands.values() for line in cast(Command, one).examples]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_examples(self.examples, formatter)


def _write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    if examples:
        with formatter.section("Examples"):
            for line in examples:
                formatter.write(f"  {line}\n")


class Commands(click.Group):
    """Loads a command when its name is typed, or when all are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NOT_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> Command | Group | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        return cast(Command | Group, getattr(import_module(f"harness.cli.{cmd_name}"), cmd_name))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as error:  # click names the nearest of the commands that are loaded
            raise NoSuchCommand(error.command_name, possibilities=self.list_commands(ctx), ctx=ctx) from None


command = partial(click.command, cls=Command)
"""The decorator of a command's function, with the arguments of Command."""
group = partial(click.group, cls=Group)
"""The decorator of a function that does nothing; its `add_command` takes the commands that it is made of."""


def _version(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    if not asked or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    from harness.records import commit

    try:
        installed = version(PROJECT)
    except PackageNotFoundError:
        installed = "not installed"
    checkout = "" if commit() == "unknown" else f", commit {commit()}"
    click.echo(f"{PROJECT} {installed}{checkout}")
    ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version and exit."
)
def commands() -> None:
    """Neural architecture search methods against random baselines."""

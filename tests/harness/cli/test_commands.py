"""Every command says what it does and what it takes; a file in harness/cli is a command."""

import re
import subprocess
import sys

import click
import pytest

from harness.__main__ import main
from harness.cli import base
from harness.cli.parts.page import page
from harness.cli.parts.values import KINDS, names
from harness.plan import registry
from tests.pages import section, tables, text

CONTEXT = click.Context(base.commands, info_name="python -m harness")
COMMANDS = base.commands.list_commands(CONTEXT)


def printed(*words):
    done = subprocess.run([sys.executable, "-m", "harness", *words], cwd=registry.ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_has_a_help_text(name):
    command = base.commands.get_command(CONTEXT, name)
    assert command.name == name
    assert command.help and command.examples
    for param in command.params:
        shown, text = param.get_help_record(click.Context(command, CONTEXT, name))
        assert re.match(r"[A-Z].+[.\]]$", text), f"{name} {shown}: {text!r}"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_it_all(name, capsys):
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    command = base.commands.get_command(CONTEXT, name)
    assert command.examples[0] in shown
    assert all(option in shown for param in command.params for option in param.opts if option.startswith("-"))


def test_the_list_of_commands_is_whole(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in COMMANDS:
        assert re.search(rf"^  {name} +[A-Z].+\.$", shown, re.MULTILINE), name
    assert "..." not in shown.replace("[ARGS]...", "")  # click cuts sentences that are too long


def test_without_a_command_all_of_them_are_shown():
    status, _, error = printed()
    assert status == 2
    assert all(name in error for name in COMMANDS)


def test_a_new_file_is_a_new_command(monkeypatch, tmp_path):
    for file in ("hello.py", "base.py", "__init__.py"):
        (tmp_path / file).touch()
    (tmp_path / "parts").mkdir()
    monkeypatch.setattr(base, "FOLDER", tmp_path)
    assert base.commands.list_commands(CONTEXT) == ["hello"]


def test_the_list_in_the_documentation_is_current():
    (listed,) = tables(section(text("docs/using.md"), "Commands"))
    said = {row["`python -m harness`"]: row[""] for row in listed}
    assert said == {f"`{name}`": base.commands.get_command(CONTEXT, name).get_short_help_str(64) for name in COMMANDS}


def test_the_page_has_every_option_and_example():
    shown = page()
    for name in COMMANDS:
        command = base.commands.get_command(CONTEXT, name)
        assert f"\n## {name}\n" in shown and "\n".join(command.examples[:1]) in shown
        assert all(f"`{max(param.opts, key=len)}" in shown for param in command.params if param.opts[0][0] == "-")


@pytest.mark.parametrize("kind", KINDS)
def test_list_has_a_line_for_each_entry(kind, capsys):
    assert main(["list", kind]) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert [name for name, _ in lines] == list(names(kind))
    assert all(len(text) > 10 for _, text in lines)


def test_list_prints_the_first_sentence(capsys):
    main(["list", "spaces"])
    said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert said["single_path_se"].endswith(" as a further choice of every layer.")  # two sentences more in the file
    assert "(Liu et al., ICLR 2019)" in said["darts"]  # no sentence ends there


def test_the_version_is_the_packages_and_names_the_commit(capsys, monkeypatch):
    assert main(["--version"]) == 0
    assert re.fullmatch(r"nas-vs-random \d+\.\d+\.\d+(, commit [0-9a-f]{40}(\+changes)?)?\n", capsys.readouterr().out)
    monkeypatch.setattr(base, "PROJECT", "not-a-project")
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("not-a-project not installed")


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], *(["list", kind] for kind in KINDS)])
def test_what_says_only_words_loads_nothing_heavy(words):
    code = f"from harness.__main__ import main; assert main({words}) == 0"
    code += "; import sys; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=registry.ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "click" in loaded
    assert not loaded & {"torch", "numpy", "pandas", "mlflow", "matplotlib", "pydantic", "psutil", "filelock"}


def test_follow_takes_a_number_or_none():
    track = base.commands.get_command(CONTEXT, "track")
    for words, seconds in ((["--follow"], 30), (["--follow", "5"], 5), ([], None)):
        for order in (["--config", "x.yaml", *words], [*words, "--config", "x.yaml"]):
            assert track.make_context("track", order).params["follow"] == seconds


def test_values_are_json_or_text():
    search = base.commands.get_command(CONTEXT, "search")
    given = (
        "--protocol smoke --dataset digits --space darts --method darts --set order=2 --set hessian=exact --set a=b=c"
    )
    assert search.make_context("search", given.split()).params["parameters"] == (
        ("order", 2),
        ("hessian", "exact"),
        ("a", "b=c"),
    )

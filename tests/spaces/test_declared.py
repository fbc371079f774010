"""Spaces that a YAML file declares: notations, listed architectures, mistakes in one line, and `--space file:PATH`."""

import random
import re
from collections import Counter

import pytest

from harness.__main__ import main
from harness.plan import registry
from harness.plan.jobs import Search
from spaces.base import UserError
from spaces.parts.declared import declared
from tests.faults.test_security import HOSTILE

PHONES = "name: phones\ndecisions:\n  depth: [2, 3, 10]\n  kernel: [3x3, 5x5]\n"
FORMS = {"": "depth=10,kernel=5x5", "text: digits": "21", 'text: "|{kernel}~{depth}|"': "|5x5~10|"}


@pytest.fixture
def declare(tmp_path):
    """Writes a file and gives the space that it declares."""

    def write(text, **files):
        (tmp_path / "space.yaml").write_text(text)
        for name, content in files.items():
            (tmp_path / name).write_text(content)
        declared.cache_clear()
        return registry.space(f"file:{tmp_path / 'space.yaml'}")

    return write


@pytest.mark.parametrize("form", FORMS)
def test_texts(form, declare):
    space = declare(PHONES + form)
    assert space.choices == (3, 2) and space.name == "phones"
    assert space.text((2, 1)) == FORMS[form]
    archs = [(i, j) for i in range(3) for j in range(2)]
    assert [space.parse(space.text(arch)) for arch in archs] == archs
    for bad in (*HOSTILE, "", FORMS[form] + "x", FORMS[form][:-1], FORMS[form].replace("10", "11").replace("21", "31")):
        with pytest.raises(UserError) as caught:
            space.parse(bad)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_a_mistake_names_the_decision(declare):
    with pytest.raises(UserError, match="'depth=2,kernel=7x7': expected ',kernel=' and one of 3x3, 5x5 for kernel"):
        declare(PHONES).parse("depth=2,kernel=7x7")


def test_listed_architectures(declare):
    """Only these exist: they are sampled evenly, and mutations stay among them."""
    space = declare(PHONES + "text: digits\narchitectures: list.txt\n", **{"list.txt": "00\n01\n\n21\n"})
    rng = random.Random(0)
    counts = Counter(space.text(space.sample(rng)) for _ in range(3000))
    assert set(counts) == {"00", "01", "21"} and min(counts.values()) > 900
    assert [space.text(arch) for arch in space.neighbours((0, 0))] == ["01"]
    assert {space.text(space.mutate((0, 1), rng)) for _ in range(50)} == {"00", "21"}
    with pytest.raises(UserError, match="11 is not among the architectures of space phones"):
        space.parse("11")
    lonely = declare(PHONES + "text: digits\narchitectures: list.txt\n", **{"list.txt": "00\n21\n"})
    assert lonely.mutate((0, 0), rng) in lonely.listed  # which has no neighbour


MISTAKES = {
    "unknown key 'txt': did you mean text": PHONES + "txt: digits",
    "name is 'a b': use letters": PHONES.replace("phones", "a b"),
    "decisions must map": "name: a",
    "decision 'depth' needs a list": "decisions: {depth: 3}",
    "each option must be a different": "decisions: {depth: [3, '3']}",
    "must name each of depth, kernel once": PHONES + 'text: "{depth}"',
    "put a character between": PHONES + 'text: "{depth}{kernel}"',
    "use names, digits, or a text": PHONES + 'text: "{depth"',
    "no.txt: ": PHONES + "architectures: no.txt",
    "name a file in the same folder": PHONES + "architectures: ../x.txt",
    "is not YAML": "decisions: [",
}


@pytest.mark.parametrize("said", MISTAKES)
def test_mistakes_in_the_file(said, declare):
    with pytest.raises(UserError, match=said.replace("(", r"\(")) as caught:
        declare(MISTAKES[said])
    assert "\n" not in str(caught.value)


def test_the_command_line_takes_it(declare, tmp_path, capsys):
    declare(PHONES)
    name = f"file:{tmp_path / 'space.yaml'}"
    assert main(["sample", "--space", name, "-n", "2", "--seed", "1"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("depth=")
    assert main(["describe", "--space", name, "--arch", first]) == 2
    assert "has no networks: it can be measured by a table only" in capsys.readouterr().err
    for wrong in ("file:", f"file:{tmp_path}", "file:/no/where.yaml"):
        assert main(["sample", "--space", wrong]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_the_same_content_is_the_same_space(declare, tmp_path):
    first = declare(PHONES)
    (tmp_path / "copy.yaml").write_text(PHONES)
    assert registry.space(f"file:{tmp_path / 'copy.yaml'}") == first != declare(PHONES.replace("10", "11"))
    assert hash(first) == hash(registry.space(f"file:{tmp_path / 'copy.yaml'}"))


def test_jobs_know_a_declared_space_by_its_content(declare, tmp_path):
    """Their folder has its file's name, their fingerprint what it declares, and their code is that which reads it."""
    declare(PHONES)
    name = f"file:{tmp_path / 'space.yaml'}"
    job = Search("smoke", "digits", name, "random_sampling", 0)
    assert re.fullmatch(r"digits/file-space-yaml-[0-9a-f]{6}/random_sampling/search-0", job.name)
    assert "spaces.parts.declared" in job.modules()
    before = job.fingerprint()
    declare(PHONES.replace("10", "11"))
    assert job.fingerprint() != before
    declare(PHONES)
    assert job.fingerprint() == before
    assert registry.known_space(name) and not registry.known_space("file:/no/where.yaml")

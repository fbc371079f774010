"""The command line: what other tools rely on, and mistakes answered in one line with exit 2."""

import json
import signal
import subprocess
import sys
from functools import partial
from types import ModuleType

import pytest

from harness.__main__ import main, script
from harness.plan import registry

V2 = (
    '{"normal": [["sep_conv_3x3", 0], ["sep_conv_3x3", 1], ["sep_conv_3x3", 0], ["sep_conv_3x3", 1], '
    '["sep_conv_3x3", 1], ["skip_connect", 0], ["skip_connect", 0], ["dil_conv_3x3", 2]], '
    '"normal_concat": [2, 3, 4, 5], "reduce": '
    '[["max_pool_3x3", 0], ["max_pool_3x3", 1], ["skip_connect", 2], ["max_pool_3x3", 1], ["max_pool_3x3", 0], '
    '["skip_connect", 2], ["skip_connect", 2], ["max_pool_3x3", 1]], "reduce_concat": [2, 3, 4, 5]}'
)
FBNET_A = (
    "skip,k3_e3,k3_e1,skip,skip,k5_e6,k3_e3,k5_e1,k3_e3,k5_e6,k5_e3,k5_e1_g2,k5_e6,k3_e6,k5_e1_g2,k5_e3,k3_e1_g2,k5_e6,"
    "k5_e6,k5_e3,k5_e6,k5_e6"
)
SINGLE_PATH = (
    "3x3-3,3x3-3,3x3-3,skip,5x5-6,3x3-3,3x3-3,3x3-3,5x5-6,3x3-3,3x3-3,3x3-3,5x5-6,5x5-3,5x5-3,5x5-3,"
    "5x5-6,5x5-6,5x5-6,5x5-6"
)
ENAS = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1"

# Published numbers: quark0/darts, melodyguan/enas, facebookresearch/mobile-vision, dstamoulis/single-path-nas.
PUBLISHED = [
    (["--space", "darts", "--arch", V2], 3349342, 528359040),
    (["--space", "darts", "--arch", V2, "--auxiliary"], 3825768, 528359040),
    (["--space", "darts", "--arch", V2, "--cells", "8", "--channels", "16"], 246106, 43444736),
    (
        ["--space", "darts", "--arch", V2, "--cells", "14", "--channels", "48", "--classes", "1000"]
        + ["--image", "224", "--stem", "imagenet"],
        4718752,
        529911552,
    ),
    (["--space", "enas", "--arch", ENAS], 4394710, 693197856),
    (["--space", "enas", "--arch", ENAS, "--cells", "15", "--reading", "macro=enas"], 3894372, 620907552),
    (["--space", "fbnet", "--arch", FBNET_A, "--image", "224", "--classes", "1000"], 4321232, 244452664),
    (["--space", "single_path", "--arch", SINGLE_PATH, "--image", "224", "--classes", "1000"], 4421616, 333467072),
]


@pytest.mark.parametrize(("arguments", "parameters", "macs"), PUBLISHED)
def test_describe_gives_the_published_numbers(arguments, parameters, macs, capsys):
    assert main(["describe", *arguments]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["parameters"], printed["macs"]) == (parameters, macs)
    assert registry.space(arguments[1]).read(printed["arch"]) == registry.space(arguments[1]).read(arguments[3])


def test_describe_counts_the_search_supernet(capsys):
    for size in (["--cells", "8", "--channels", "16"], []):  # which is the published one
        assert main(["describe", "--space", "darts", "--supernet", *size]) == 0
        assert json.loads(capsys.readouterr().out)["parameters"] == 1930618  # quark0/darts, without the alphas


@pytest.mark.parametrize("space", registry.names("spaces"))
def test_sample_prints_one_architecture_a_line(space, capsys):
    main(["sample", "--space", space, "--seed", "3", "-n", "5"])
    lines = capsys.readouterr().out.splitlines()
    assert len(set(lines)) == 5
    assert all(registry.space(space).text(registry.space(space).parse(line)) == line for line in lines)
    main(["sample", "--space", space, "--seed", "3", "-n", "5"])
    assert capsys.readouterr().out.splitlines() == lines


MISTAKES = {
    "unknown space": (["sample", "--space", "dart"], "did you mean darts"),
    "capitals": (["sample", "--space", "DARTS"], "unknown space 'DARTS': did you mean darts?"),
    "capitals and a hyphen": (
        ["search", "--protocol", "smoke", "--dataset", "MNIST5K", "--space", "darts", "--method", "PC-DARTS"],
        "unknown method 'PC-DARTS': did you mean pc_darts?",
    ),
    "no record": (["export", "README.md", "--out", "x.pt2"], "README.md is no record: the name of one ends in .json"),
    "bad architecture": (["describe", "--space", "darts", "--arch", "{"], "'{' is never closed; Genotype("),
    "bad layer": (["describe", "--space", "fbnet", "--arch", FBNET_A.replace("k3_e3", "k3_e4")], "k3_e4"),
    "unknown reading": (
        ["describe", "--space", "enas", "--arch", ENAS, "--reading", "makro=a"],
        "did you mean macro",
    ),
    "no value": (["describe", "--space", "enas", "--arch", ENAS, "--reading", "macro"], "FIELD=VALUE"),
    "unknown dataset": (["data", "--dataset", "digit", "--image", "8"], "did you mean digits"),
    "unknown protocol": (
        ["search", "--protocol", "smok", "--dataset", "digits", "--space", "darts", "--method", "darts"],
        "did you mean smoke",
    ),
    "unknown method": (
        ["search", "--protocol", "smoke", "--dataset", "digits", "--space", "darts", "--method", "dars", "--data", "x"],
        "did you mean darts",
    ),
    "method does not fit": (
        ["search", "--protocol", "smoke", "--dataset", "digits", "--space", "darts", "--method", "single_path"],
        "cannot search space darts",
    ),
    "data not prepared": (
        [
            "search",
            "--protocol",
            "smoke",
            "--dataset",
            "digits",
            "--space",
            "darts",
            "--method",
            "darts",
            "--data",
            "x",
        ],
        "not prepared in x: run: python -m harness data --dataset digits --image 8 --out x",
    ),
    "too few": (["sample", "--space", "darts", "-n", "0"], "at least 1"),
    "fewer than none": (["sample", "--space", "darts", "-n", "-1"], "at least 1"),
    "no number": (["sample", "--space", "darts", "-n", "two"], "at least 1"),
    "mistyped command": (["sampel", "--space", "darts"], "Did you mean 'sample'"),
    "mistyped option": (["sample", "--spce", "darts"], "'--space'"),
    "unknown choice": (["describe", "--space", "darts", "--supernet", "--stem", "mnist"], "'cifar', 'imagenet'"),
    "missing option": (["sample"], "Missing option '--space'"),
    "missing argument": (["list"], "Missing argument 'KIND'"),
    "too much": (["sample", "--space", "darts", "enas"], "enas"),
    "a search of nothing": (
        ["search", "--protocol", "smoke", "--dataset", "digits", "--space", "darts"],
        "Missing option '--method'",
    ),
    "neither of two": (["tables", "--out", "x"], "exactly one of --records and --config"),
    "both of two": (
        ["describe", "--space", "darts", "--supernet", "--arch", V2],
        "exactly one of --arch and --supernet",
    ),
    "override without value": (["status", "--override", "seeds"], "KEY=VALUE"),
    "no such CSV": (
        ["convert", "nowhere.csv", "--out", "x"],
        "nowhere.csv: No such file or directory: name a CSV file",
    ),
    "a folder for a CSV": (["convert", ".", "--out", "x"], ".: Is a directory: name a CSV file"),
    "ends that are turned round": (
        ["frontier", "--protocol", "smoke", "--dataset", "digits", "--space", "single_path", "--method", "single_path"]
        + ["--low", "5", "--high", "1", "--macs", "9"],
        "--low 5 and --high 1: write two numbers above 0",
    ),
    "no records": (["tables", "--records", "/nowhere", "--out", "/nowhere"], "no records at"),
    "no configuration": (["tables", "--config", "/nowhere.yaml", "--out", "/nowhere"], "No such file"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes_are_one_line(arguments, message, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error


def test_a_closed_pipe_is_no_error():
    command = f"set -o pipefail; {sys.executable} -m harness sample --space fbnet -n 5000 | head -n 1"
    done = subprocess.run(["bash", "-c", command], cwd=registry.ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""


def test_ctrl_c_ends_a_command_without_a_traceback():
    command = [sys.executable, "-m", "harness", "sample", "--space", "fbnet", "-n", "10000000"]
    listening = partial(signal.signal, signal.SIGINT, signal.default_int_handler)  # as in a terminal
    with subprocess.Popen(
        command, cwd=registry.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=listening
    ) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.communicate()[1].strip() == b""
    assert process.returncode == 130


def test_ctrl_c_while_the_commands_are_loaded_is_no_traceback(monkeypatch):
    monkeypatch.setitem(sys.modules, "harness.cli.base", Interrupted("harness.cli.base"))
    with pytest.raises(SystemExit) as ended:
        script()
    assert ended.value.code == 130


class Interrupted(ModuleType):
    def __getattr__(self, name):
        raise KeyboardInterrupt

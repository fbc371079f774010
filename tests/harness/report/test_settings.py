"""The user's settings of matplotlib change no byte of a figure and stop none."""

import subprocess
import sys

import pytest

from harness.plan.registry import ROOT

DRAW = """
import sys, hashlib
from pathlib import Path
from harness.report.figures import style
style.set_style()
figure, (axis,) = style.panels(1, 1.5)
axis.plot([0, 1], [1, 0], label="a_b $x$")
style.outer_labels([axis], "accuracy, %", "n")
style.save(figure, Path(sys.argv[1]) / "f")
print([hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(Path(sys.argv[1]).glob("f.*"))])
"""
RC = """
backend: nonsense
text.usetex: True
font.family: Comic Sans MS
font.size: 40
figure.figsize: 1, 1
axes.prop_cycle: broken
svg.fonttype: none
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    def draw(**environment):
        folder = tmp_path_factory.mktemp("drawn")
        (folder / "matplotlibrc").write_text(RC if environment else "")
        environment = {name: value.format(folder=folder) for name, value in environment.items()}
        command = [sys.executable, "-c", DRAW, str(folder)]
        environment |= {"PYTHONPATH": str(ROOT), "HOME": environment.get("HOME", "/nonexistent")}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return draw


def test_settings_of_the_user_change_nothing(drawn):
    plain = drawn()
    assert plain.count(",") == 2
    mine = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "MATPLOTLIBRC": "{folder}/matplotlibrc"}
    assert drawn(**mine) == plain

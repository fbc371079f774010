"""Small tables of a declared space, and the real ones where they are."""

import pandas as pd
import pytest

from spaces.parts.entries import ROOT

DATA = ROOT.parent / "shared/data"
real = pytest.mark.skipif(not DATA.exists(), reason="the published tables are not on this machine")

SPACE = """
name: phones
decisions:
  depth: [2, 3, 4]
  kernel: [3, 5]
text: "{depth}-{kernel}"
"""
ABOUT = """
space: file:space.yaml
file: results.csv
unit: percent
columns: {arch: model, dataset: task, seed: run, epochs: epoch}
metrics:
  validation: va
  test: tst
  seconds: time
  latency_phone: {column: ms, unit: ms}
citation: Nobody (2030)
"""
ARCHS = ("2-3", "2-5", "3-3", "3-5", "4-3", "4-5")


def rows():
    """Six architectures, two datasets, runs 0 and 1, 5 and 10 epochs. Validation in per cent: 10 a place in ARCHS, plus
    epochs, plus the run; test is 1.5 more, and in reverse order on birds."""
    found = []
    for task in ("birds", "cars"):
        for place, model in enumerate(ARCHS):
            for run in (0, 1):
                for epoch in (5, 10):
                    other = len(ARCHS) - 1 - place if task == "birds" else place
                    va, tst = 10 * place + epoch + run, 10 * other + epoch + run + 1.5
                    found.append((model, task, run, epoch, va, tst, epoch * 2.0, place + 0.5))
    return pd.DataFrame(found, columns=["model", "task", "run", "epoch", "va", "tst", "time", "ms"])


def written(folder, frame=None, about=ABOUT, space=SPACE):
    """The description of a source that lies beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "space.yaml").write_text(space)
    (folder / "about.yaml").write_text(about)
    (rows() if frame is None else frame).to_csv(folder / "results.csv", index=False)
    return folder / "about.yaml"

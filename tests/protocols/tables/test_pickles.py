"""Official files of NATS-Bench: read as plain data, or refused before anything in them runs."""

import bz2
import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch

from harness.plan import registry
from protocols.tables.parts import pickles
from protocols.tables.parts.importing import import_table
from spaces.base import UserError

ARCHS = [
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|",
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
]


def trial(epochs, **sets):
    """The state of one ResultsCount: accuracies rise by one point an epoch to the values given."""
    accuracies = {f"{s}@{e}": np.float64(v - (epochs - 1 - e)) for s, v in sets.items() for e in range(epochs)}
    return {
        "name": "infer.tiny", "net_state_dict": None, "epochs": epochs, "params": 0.129306, "flop": 15.64737,
        "train_times": OrderedDict((e, 7.22) for e in range(epochs)), "latency": [0.01, 0.02],
        "eval_names": list(sets), "eval_acc1es": accuracies, "arch_config": {"channel": 16},
    }  # fmt: skip


def schedules(k, names=("12", "200")):
    """Two schedules, shortened to 2 and 3 epochs."""
    short = {("cifar10-valid", 777): trial(2, **{"x-valid": 60 + k, "ori-test": 59.0}),
             ("cifar10-valid", 111): trial(2, **{"x-valid": 62 + k, "ori-test": 59.0}),
             ("cifar10", 777): trial(2, **{"ori-test": 71.0 + 2 * k}),
             ("cifar100", 777): trial(2, **{"x-valid": 31 + k, "x-test": 33 - k, "ori-test": 32.0})}  # fmt: skip
    long = {("cifar10-valid", 777): trial(3, **{"x-valid": 80 + k, "ori-test": 79.0}),
            ("cifar10", 777): trial(3, **{"ori-test": 91.0 - k})}  # fmt: skip
    return {name: {"arch_index": k, "all_results": found} for name, found in zip(names, (short, long))}


def dump(content, path):
    path.write_bytes(bz2.compress(pickle.dumps(content, protocol=4)))


def folder(path):
    path.mkdir()
    dump({"meta_archs": ARCHS, "total_archs": 3}, path / "meta.pickle.pbz2")
    for k in range(3):
        dump(schedules(k), path / f"{k:06d}.pickle.pbz2")
    return path


def whole(names=("12", "200")):
    infos = {k: schedules(k, names) for k in range(3)}
    return {"meta_archs": ARCHS, "arch2infos": infos, "evaluated_indexes": {0, 1, 2}}


def file(path):
    dump(whole(), path.with_suffix(".pickle.pbz2"))
    return path.with_suffix(".pickle.pbz2")


def pth(path):
    content = whole(("less", "full"))
    torch.save({**content, "evaluated_indexes": [0, 1, 2]}, path.with_suffix(".pth"))
    return path.with_suffix(".pth")


@pytest.mark.parametrize("form", [folder, file, pth])
def test_official_files(form, tmp_path):
    table = import_table([form(tmp_path / "NATS-tss")], tmp_path / "out")
    assert table.archs == tuple(ARCHS) and table.datasets == ("cifar10", "cifar100")
    assert table.fidelities("cifar10") == table.fidelities("cifar10", "test") == (12, 200)
    assert table.validation(ARCHS[1], "cifar10", 12) == pytest.approx((0.62, 14.44))  # of 61 and 63; 2 epochs
    assert table.seeds(ARCHS[1], "cifar10", 12) == (111, 777)
    assert table.validation(ARCHS[1], "cifar10", 200, seed=777).accuracy == pytest.approx(0.81)
    assert table.test(ARCHS[1], "cifar10") == pytest.approx(0.90)  # the network trained on all images, not 79
    assert table.test(ARCHS[1], "cifar100") == pytest.approx(0.32)
    costs = table.costs(ARCHS[0], "cifar100")
    assert costs == pytest.approx({"parameters": 129306, "macs": 15647370, "latency": 0.015})


def test_sizes_come_with_a_space_of_their_own(tmp_path):
    (tmp_path / "sss").mkdir()
    dump({"meta_archs": ["8:16:64:8:24"]}, tmp_path / "sss/meta.pickle.pbz2")
    dump(schedules(0, ("01", "12")), tmp_path / "sss/000000.pickle.pbz2")
    table = import_table([tmp_path / "sss"], tmp_path / "out")
    assert table.archs == ("8:16:64:8:24",) and table.fidelities("cifar10") == (1, 12)
    space = registry.space(table.space)
    assert space.choices == (8,) * 5 and space.text(space.parse("8:16:64:8:24")) == "8:16:64:8:24"


class Hostile:
    def __reduce__(self):
        return os.system, ("touch pwned",)


class Subtle:
    def __reduce__(self):
        return getattr, ("x", "upper")


@pytest.mark.parametrize("kind", [Hostile, Subtle, lambda: torch.zeros(1), lambda: slice, lambda: eval])
def test_nothing_in_a_pickle_runs(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path, write, read in (
        (tmp_path / "a.pickle.pbz2", dump, pickles.read),
        (tmp_path / "b.pth", lambda content, path: path.write_bytes(pickle.dumps(content, 2)), pickles.read_pth),
    ):
        write({"meta_archs": [kind()]}, path)
        with pytest.raises(UserError, match="cannot be read as plain data") as caught:
            read(path)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "pwned").exists()


def test_other_pickles_are_refused(tmp_path):
    for content, said in (
        ({"meta_archs": ARCHS}, "arch2infos"),
        ([1, 2], "layout"),
        (whole() | {"arch2infos": {0: {}}}, "no trial"),
    ):
        dump(content, tmp_path / "x.pickle.pbz2")
        with pytest.raises(UserError, match=said):
            import_table([tmp_path / "x.pickle.pbz2"], tmp_path / "out")
    (tmp_path / "x.pickle.pbz2").write_bytes(b"BZh91AY")
    with pytest.raises(UserError, match="cannot be read"):
        import_table([tmp_path / "x.pickle.pbz2"], tmp_path / "out")

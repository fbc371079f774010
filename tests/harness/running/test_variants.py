"""Trainings of variants: what they change is what happens in them."""

import dataclasses

import pytest

from harness.plan import datasets
from harness.plan.jobs import Search, Training
from harness.running.job import JobPaths, train
from spaces.base import Size

SEARCH = Search("smoke", "digits", "nasbench201", "random_sampling", 0)
FOUND = {
    "status": "done",
    "arch": "|nor_conv_1x1~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("variants")
    for image in (6, 8):
        datasets.prepare(datasets.named("digits"), image, folder / f"digits-{image}", folder)

    def run(asked, repeat=0):
        job = Training.of(SEARCH, {"recipe.epochs": 1, **asked}, repeat)
        data = folder / f"digits-{job.setting.image}"
        record = train(job, FOUND, JobPaths(data, folder / f"{job.name}.json", folder / "work"))
        assert record["status"] == "done", record.get("reason")
        return record

    return run


def test_samples_are_a_share_of_the_images(trained):
    whole, half = trained({}), trained({"samples": 0.5})
    assert half["result"]["images"] == round(whole["result"]["images"] / 2)
    assert half["key"]["variant"] == {"recipe.epochs": 1, "samples": 0.5} and not half["key"]["main"]
    assert half["config"]["setting"]["samples"] == 0.5 and "samples" not in whole["config"]["setting"]


def test_small_images_cost_less(trained):
    whole, small = trained({})["result"], trained({"image": 6})["result"]
    assert small["parameters"] == whole["parameters"] and small["macs"] < 0.8 * whole["macs"]


def test_width_and_cells_reach_the_network(trained):
    whole, wide, deep = (trained(asked)["result"] for asked in ({}, {"width": "x2"}, {"cells": 5}))
    assert wide["parameters"] > 2 * whole["parameters"] and deep["macs"] > whole["macs"]
    assert dataclasses.is_dataclass(Training.of(SEARCH, {"cells": 5}).size(10, 1))
    assert isinstance(Training.of(SEARCH, {"cells": 5}).size(10, 1), Size)


def test_each_trick_and_seed_gives_other_weights(trained):
    found = [
        trained(*asked) for asked in (({},), ({}, 1), ({"tricks.auto_augment": "cifar10"},), ({"recipe.lr": 0.1},))
    ]
    losses = [record["curves"]["loss"][-1] for record in found]
    assert len(set(losses)) == 4
    assert trained({})["curves"] == found[0]["curves"]

"""Studies: which trainings they plan, and what is refused in one line before any job."""

import math

import numpy as np
import pytest
import yaml
from scipy.stats import chisquare

from harness.plan import config, registry
from harness.plan.jobs import Search, Training
from harness.plan.seeds import seed_of
from harness.plan.studies import REFERENCE, architectures, of_configuration
from harness.plan.wirings import Wired
from protocols.tables.base import Table
from spaces.base import UserError

STUDY = {
    "name": "tricks",
    "space": "darts",
    "datasets": ["digits"],
    "architectures": 3,
    "variants": {"plain": {"tricks.cutout": 0}, "wide": {"width": "x2"}},
}
BASE = {
    "protocol": "smoke",
    "datasets": ["digits", "glyphs"],
    "seeds": 2,
    "random": 4,
    "searches": [{"method": "darts", "space": "darts"}, {"method": "enas", "space": "enas"}],
}
JOB = Search("smoke", "digits", "darts", "random_sampling", 0)


def load(folder, *studies, **more):
    path = folder / "benchmark.yaml"
    path.write_text(yaml.safe_dump({**BASE, **more, "studies": [STUDY | study for study in studies]}))
    return config.load(path)


def test_the_same_architectures_under_every_variant_and_the_baseline_again(tmp_path):
    plan = load(tmp_path, {})
    made = [job for job in plan.trainings_of("digits") if job.search.space == "darts"]
    assert len(made) == (4 + 2) + 3 * (3 * 2 - 1)  # main trainings; three under three settings, twice, save these
    assert len(plan.trainings_of("glyphs")) == 2 * 6
    wide = [job for job in made if ("width", 2 / 9) in job.variant]
    assert {(job.search.seed, job.repeat) for job in wide} == {(i, r) for i in range(3) for r in range(2)}
    assert all(job.setting.width == 2 / 9 and not job.key["main"] for job in wide)


def test_more_random_architectures_where_a_study_wants_them(tmp_path):
    searches = load(tmp_path, {"architectures": 7}).searches_of("digits")
    seeds = {space: {s.seed for s in searches if s.space == space} for space in ("darts", "enas")}
    assert seeds == {"darts": {*range(7)}, "enas": {*range(4)}}


def test_finds_and_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space = registry.space("nasbench201")
    texts = [space.text((i, 0, 1, 2, 3, 4)) for i in range(3)]
    (tmp_path / "my-cells.txt").write_text("# three\n" + "\n\n".join(texts) + "\n")
    searches = [{"method": "darts", "space": "nasbench201"}]
    study = {"space": "nasbench201", "architectures": ["finds", "my-cells.txt"], "repeats": 2, "variant_repeats": 1}
    plan = load(tmp_path, study, searches=searches)
    made = [job for job in plan.trainings_of("digits") if job.search.method != "random_sampling"]
    given = [job for job in made if job.search.method == "my_cells"]
    assert sorted({(job.search.seed, job.arch) for job in given}) == list(enumerate(texts))
    assert len(given) == 3 * (2 + 1 + 1) and len(made) - len(given) == 2 * (2 + 1 + 1)
    (study,) = plan.ablations
    assert study.holds("my_cells", 2) and study.holds("darts", 1) and not study.holds("random_sampling", 0)


def test_factors_are_all_combinations_on_top_of_the_reference(tmp_path):
    off, on = {"tricks.auxiliary": 0, "tricks.cutout": 0}, {"a": {"tricks.auxiliary": 0.4}, "c": {"tricks.cutout": 2}}
    (study,) = load(tmp_path, {"reference": off, "factors": on, "variants": {}}).ablations
    setting = registry.protocol("smoke").default
    assert study.resolved(setting) == {
        REFERENCE: (("tricks.auxiliary", 0.0), ("tricks.cutout", 0)),
        "a": (("tricks.cutout", 0),),
        "c": (("tricks.auxiliary", 0.0),),
        "a + c": (),  # the protocol itself: its main trainings are used again
    }


def test_the_depth_gap_is_a_study(tmp_path):
    gap = {"space": "darts", "datasets": ["digits"], "architectures": 4, "cells": [3, 5], "repeats": 2}
    short = load(tmp_path, depth_gap=gap)
    entry = {"name": "depth_gap", "architectures": [4, "finds"], "reference": {"cells": 3}}
    entry["variants"] = {"5 cells": {"cells": 5}}
    assert load(tmp_path, entry).ablations == short.ablations
    assert of_configuration(tmp_path / "benchmark.yaml") == short.ablations
    assert load(tmp_path, entry).trainings_of("digits") == short.trainings_of("digits")


def test_names_and_keys_that_records_have_stay():
    assert Training(JOB).name == "digits/darts/random_sampling/train-0-cells3-repeat0"
    deep = Training.of(JOB, {"cells": 5}, 1)
    assert deep.name == "digits/darts/random_sampling/train-0-cells5-repeat1"
    assert deep.key == {**JOB.key, "cells": 5, "repeat": 1, "main": False}
    assert Training.of(JOB, {"cells": 3}) == Training(JOB) and Training(JOB).key["main"]


def test_a_varied_training_has_a_name_a_key_and_random_numbers_of_its_own():
    plain, fast = Training(JOB), Training.of(JOB, {"recipe.lr": 0.1})
    assert fast.name == "digits/darts/random_sampling/train-0-cells3-recipe.lr=0.1-repeat0"
    assert fast.key["variant"] == {"recipe.lr": 0.1} and not fast.key["main"]
    assert Training.of_key(fast.key) == fast and Training.of_key(plain.key) == plain
    seeds = [seed_of(purpose="train", **{k: v for k, v in job.key.items() if k != "main"}) for job in (plain, fast)]
    assert seeds[0] == seed_of(**JOB.key, cells=3, repeat=0, purpose="train") != seeds[1]
    assert plain.fingerprint() != fast.fingerprint()


BAD = {
    "unknown path": ({"variants": {"a": {"recipe.rate": 1}}}, "studies.tricks, a: unknown path 'recipe.rate'"),
    "impossible value": ({"variants": {"a": {"cells": 0}}}, "studies.tricks, a: Setting.cells must be at least 1"),
    "the reference again": ({"variants": {"a": {"cells": 3}}}, "variant a equals the reference: change it"),
    "two that are the same": (
        {"variants": {"a": {"recipe.epochs": 4}, "b": {"recipe.epochs": "x2"}}},
        "variant b equals variant a",
    ),
    "two architectures": ({"architectures": 2}, "studies.tricks: 2 architectures: a study needs at least 3"),
    "no architectures": ({"architectures": []}, "0 architectures"),
    "one repeat": ({"repeats": 1}, "studies.tricks: one repeat gives no ceiling"),
    "no variants": ({"variants": {}, "repeats": 1, "ceiling": False}, "no variants and one repeat"),
    "a name that is taken": ({"variants": {"reference": {"cells": 5}}}, "'reference' stands twice"),
    "an unknown space": ({"space": "fbnt"}, "studies.tricks.space: unknown space 'fbnt': did you mean fbnet"),
    "finds where nothing searches": ({"space": "fbnet", "architectures": "finds"}, "studies.tricks: 0 architectures"),
    "another dataset": ({"datasets": ["elpv"]}, "studies.tricks.datasets: unknown dataset 'elpv'"),
    "a missing file": ({"architectures": "none.txt"}, "file of architectures none.txt: No such file"),
    "an unknown key": ({"repeat": 2}, "did you mean repeats"),
    "a strange name": ({"name": "My Study"}, "studies.0.name"),
}


@pytest.mark.parametrize("study, message", BAD.values(), ids=BAD.keys())
def test_mistakes_are_refused_in_one_line(tmp_path, study, message):
    with pytest.raises(UserError) as caught:
        load(tmp_path, study)
    assert message in str(caught.value) and "\n" not in str(caught.value) and "benchmark.yaml" in str(caught.value)


@pytest.mark.parametrize(
    "lines, message",
    [
        (["k3_e1"], "line 1: no architecture of space darts"),
        (["", "# comment", "junk"], "line 3: no architecture of space darts"),
        (["SAME"] * 3, "stands twice"),
    ],
)
def test_files_of_another_space_are_refused(tmp_path, monkeypatch, lines, message):
    monkeypatch.chdir(tmp_path)
    import random

    space = registry.space("darts")
    same = space.text(space.sample(random.Random(0)))
    (tmp_path / "cells.txt").write_text("\n".join(lines).replace("SAME", same))
    with pytest.raises(UserError, match=message) as caught:
        load(tmp_path, {"architectures": "cells.txt"})
    assert "\n" not in str(caught.value)


def test_an_enas_genotype_is_not_of_the_space_darts(tmp_path, monkeypatch):
    """Both are written as genotypes, and darts builds cells of any number of nodes."""
    monkeypatch.chdir(tmp_path)
    import random

    space = registry.space("enas")
    (tmp_path / "enas.txt").write_text(space.text(space.sample(random.Random(0))))
    with pytest.raises(UserError, match="line 1: no architecture of space darts"):
        load(tmp_path, {"architectures": "enas.txt"})


WIRED = {"space": ["darts", "darts_modified"], "architectures": {"operations": 4, "wirings": 3}}
SPACES = [{"method": "darts", "space": space} for space in ("darts", "darts_modified", "darts_s1", "fbnet")]


def test_wirings_of_the_same_operations_in_two_spaces(tmp_path):
    plan = load(tmp_path, WIRED, searches=SPACES)
    made = [job for job in plan.trainings_of("digits") if job.search.method.startswith("wiring_")]
    assert len(made) == 2 * 4 * 3 * 3 * 2  # spaces, operations, wirings, settings, repeats
    archs = {(job.search.space, job.search.seed, job.search.method): job.arch for job in made}
    assert len(set(archs.values())) == 24
    for name in WIRED["space"]:
        designs = {key[1:]: registry.space(name).parse(text) for key, text in archs.items() if key[0] == name}
        for i in range(4):
            several = [designs[i, f"wiring_{k}"] for k in range(3)]
            assert len({tuple(a for j, a in enumerate(arch) if j % 3) for arch in several}) == 1  # the operations
            assert len({arch[::3] for arch in several}) == 3
    (study,) = plan.ablations
    assert study.holds("wiring_2", 3) and not study.holds("wiring_3", 0) and not study.holds("wiring_0", 4)
    assert not study.holds("random_sampling", 0)


def test_each_wired_architecture_is_uniform_over_the_space():
    drawn = list(Wired(operations=1500, wirings=2).drawn("darts"))
    assert drawn[:6] == list(Wired(operations=3, wirings=2).drawn("darts"))  # more change no other
    archs = [registry.space("darts").parse(text) for _, _, text in drawn]
    for decision, options in enumerate(registry.space("darts").choices):
        for own in ([arch[decision] for arch in archs[k::2]] for k in range(2)):
            assert options == 1 or chisquare(np.bincount(own, minlength=options)).pvalue > 1e-5
    first, second = ([arch[::3] for arch in archs[k::2]] for k in range(2))
    assert np.mean([a[1] == b[1] for a, b in zip(first, second)]) == pytest.approx(1 / 3, abs=0.05)  # node 3: 3 pairs


def test_random_architectures_of_every_space_of_a_study(tmp_path):
    """Of those that are searched as many as the baseline has at least; of others, as the study asks for."""
    plan = load(tmp_path, {"space": ["darts", "darts_s3"], "architectures": 3}, searches=SPACES)
    found = {space: sum(s.space == space for s in plan.searches_of("digits")) for space in plan.spaces}
    assert found == {"darts": 2 + 4, "darts_modified": 2 + 4, "darts_s1": 2 + 4, "darts_s3": 3, "fbnet": 2 + 4}
    assert {s.space for s in plan.searches_of("glyphs")} == {space["space"] for space in SPACES}


@pytest.mark.parametrize(
    "study, message",
    [
        ({"space": ["darts", "darts"]}, "studies.tricks.space: darts stands twice"),
        ({"space": ["darts", "enass"]}, "studies.tricks.space: unknown space 'enass'"),
        (WIRED | {"space": ["darts", "darts_s1"]}, "studies.tricks: space darts_s1 has no wiring apart from"),
        (WIRED | {"space": "fbnet"}, "studies.tricks: space fbnet has no wiring apart from"),
        (WIRED | {"architectures": {"operations": 4, "wirings": 1}}, "wirings"),
    ],
)
def test_spaces_and_wirings_that_cannot_be(tmp_path, study, message):
    with pytest.raises(UserError) as caught:
        load(tmp_path, study, searches=SPACES)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_two_studies_of_one_name(tmp_path):
    with pytest.raises(UserError, match="studies.tricks stands twice"):
        load(tmp_path, {}, {})


def test_a_policy_without_torchvision_is_refused_before_any_job(tmp_path, monkeypatch):
    monkeypatch.setattr("protocols.parts.variants.find_spec", lambda name: None)
    with pytest.raises(UserError, match="needs torchvision"):
        load(tmp_path, {"variants": {"policy": {"tricks.auto_augment": "cifar10"}}})


def test_the_shipped_file_has_the_architectures_that_were_trained_three_times():
    table = Table.read(registry.ROOT / "results/published/nasbench201-digits")
    runs = table.runs("digits", "test").values()
    three = [arch for i, arch in enumerate(table.archs) if not any(math.isnan(values[i]) for values in runs)]
    assert len(three) == 1000
    assert architectures(registry.ROOT / "config/nasbench201_three_runs.txt", "nasbench201") == three

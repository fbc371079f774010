"""Searches on an imported table of a space that a file declares, from the import to what captions say."""

import pytest

from harness.analysis.results import read_results
from harness.plan import datasets
from harness.plan.jobs import Search, Training
from harness.report.build import origin
from harness.running.job import JobPaths, search, train
from harness.running.lookup import look_up
from protocols.tables.parts.importing import import_table
from tests.methods.planted import table
from tests.protocols.tables.sources import ABOUT, written


@pytest.fixture
def made(tmp_path):
    """Imports the small table and gives the records of a method's search and of its lookup."""

    def make(method, about=ABOUT, validation="own"):
        imported = import_table([written(tmp_path / "source", about=about)], tmp_path / "phones", validation=validation)
        name, data = f"table:{tmp_path / 'phones'}#birds", tmp_path / "data"
        datasets.prepare(datasets.named(name), 1, data, tmp_path)
        job = Search("lookup", name, imported.space, method, 0, numerics="portable")  # as all tests
        found = search(job, JobPaths(data, tmp_path / "records/search.json", tmp_path / "work"))
        training = Training(job)
        return found, train(training, found, JobPaths(data, tmp_path / "records/train.json", tmp_path / "work"))

    return make


def test_the_best_by_validation_is_judged_by_test(made, tmp_path):
    found, judged = made("random_search")
    assert found["status"] == judged["status"] == "done", found.get("reason")
    assert found["arch"] == "4-5"  # the best of all six by validation, the worst by test
    assert judged["result"]["test_accuracy"] == pytest.approx(0.12)
    assert "test values" not in origin(read_results(tmp_path / "records").about)


def test_an_architecture_that_is_given_by_hand_is_judged_too(made, tmp_path):
    found, _ = made("random_search")
    job = Search("lookup", found["key"]["dataset"], found["key"]["space"], "by_hand", 0, numerics="portable")
    places = JobPaths(tmp_path / "data", tmp_path / "records/by_hand.json", tmp_path / "work")
    judged = train(Training(job, arch="2-3"), {"status": "done", "arch": "2-3"}, places)
    assert judged["status"] == "done" and judged["result"]["test_accuracy"] == pytest.approx(0.62)
    assert "incumbents" not in judged["result"] and "front" not in judged["result"]


def test_captions_say_where_searches_were_told_test_values(made, tmp_path):
    found, judged = made("random_search", ABOUT.replace("  validation: va\n", ""), "test")
    assert found["arch"] == "2-3" and judged["result"]["test_accuracy"] == pytest.approx(0.62)
    about = read_results(tmp_path / "records").about
    assert f"validation accuracies on table:{tmp_path / 'phones'}#birds are test values" in origin(about)


def test_the_front_is_chosen_by_validation_and_judged_by_test(tmp_path):
    """More options cost more; the second decision alone helps. Half of a validation accuracy is that of the test."""
    run = table(tmp_path, (3, 3), lambda arch, _: (1 + arch[1]) / 4, cost="macs")
    made = run("random_search", evaluations=9)
    arch = made.space.text(made.method.search(made))
    result = made.outcome()["result"]
    assert result["front"] == ["00", "01", "02"]
    judged = look_up(Training(made.job), {"arch": arch, "result": result}, tmp_path / "prepared")
    assert judged["result"]["front"] == [[0.125, 1], [0.25, 2], [0.375, 3]]
    unknown = run_without_macs(tmp_path / "other")
    unknown.method.search(unknown)
    assert "front" not in unknown.outcome()["result"]


def run_without_macs(folder):
    folder.mkdir()
    return table(folder, (2, 2), lambda arch, _: 0.5)("random_search", evaluations=4)


@pytest.mark.parametrize(
    ("asked", "repeat", "accuracy"),
    [
        ({}, 0, 0.12),
        ({"recipe.judged": "one"}, 0, 0.115),
        ({"recipe.judged": "one"}, 1, 0.125),
        ({"recipe.judged": "one", "recipe.epochs": 5}, 1, 0.075),
        ({"recipe.epochs": 5}, 0, 0.07),
    ],
)
def test_variants_judge_by_a_run_and_a_length(made, tmp_path, asked, repeat, accuracy):
    found, _ = made("random_search")
    search_job = Search(
        "lookup", found["key"]["dataset"], found["key"]["space"], "random_search", 0, numerics="portable"
    )
    job = Training.of(search_job, asked, repeat)
    judged = train(job, found, JobPaths(tmp_path / "data", tmp_path / "again.json", tmp_path / "work"))
    assert judged["result"]["test_accuracy"] == pytest.approx(accuracy)


def test_a_run_that_the_table_has_not_is_a_failure_that_says_so(made, tmp_path):
    found, _ = made("random_search")
    search_job = Search(
        "lookup", found["key"]["dataset"], found["key"]["space"], "random_search", 0, numerics="portable"
    )
    job = Training.of(search_job, {"recipe.judged": "one"}, 2)
    judged = train(job, found, JobPaths(tmp_path / "data", tmp_path / "again.json", tmp_path / "work"))
    assert judged["status"] == "failed" and "after 10 epochs, run 2" in judged["reason"]

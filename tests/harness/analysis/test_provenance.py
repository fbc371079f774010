"""The table of protocol and versions: every setting once, and for which datasets it was used."""

from harness.analysis.provenance import provenance


def record(dataset, kind="search", method="darts", **config):
    return {"kind": kind, "key": {"protocol": "p", "dataset": dataset, "method": method}, "config": config}


def test_a_setting_that_differs_has_a_row_for_each_value_with_its_datasets():
    setting = {"image": 12, "recipe": {"lr": 0.05}}
    other = {"image": 12, "recipe": {"lr": 0.003}}
    rows = provenance([record("a", setting=setting), record("b", setting=other)]).values.tolist()
    assert rows == [
        ["protocol", "name", "p", "all"],
        ["protocol", "image", "12", "all"],
        ["training", "lr", "0.003", "b"],
        ["training", "lr", "0.05", "a"],
    ]


def test_parameters_are_those_of_searches_and_random_sampling_has_none():
    found = [
        record("a", parameters={"order": 1}, version="p-1"),
        record("a", kind="train", parameters={"order": 1}),
        record("a", method="random_sampling", parameters={"x": 1}),
    ]
    rows = provenance(found).values.tolist()
    assert rows[:2] == [["protocol", "name", "p", "all"], ["protocol", "version", "p-1", "all"]]
    assert rows[2:] == [["method darts", "order", "1", "all"]]

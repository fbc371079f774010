"""docs/datasets.md says what the datasets' files say."""

from pathlib import Path

from harness.plan import datasets
from tests.pages import section, tables, text

PAGE = text("docs/datasets.md")
EMBEDDED, *_ = tables(section(PAGE, "Embedded: nothing to download"))
DOWNLOADED, *_ = tables(section(PAGE, "Download once: the papers' datasets"))


def dataset(row):
    return datasets.named(row["name"].strip("`"))


def test_each_dataset_has_a_row():
    assert sorted(dataset(row).name for row in EMBEDDED + DOWNLOADED) == [*datasets.names()]
    assert not any(dataset(row).files(Path("data")) for row in EMBEDDED)


def test_rows_of_embedded_datasets_are_their_facts():
    for row in EMBEDDED:
        facts = dataset(row)
        assert (int(row["classes"]), int(row["channels"])) == (facts.classes, facts.inputs)
        assert row["mirrored"] == ("yes" if facts.flip else "no")
        assert row["licence"] == facts.licence
        assert all(size in facts.split for size in row["train / val / test"].split(" / ")), facts.name


def test_rows_of_downloaded_datasets_are_their_facts():
    for row in DOWNLOADED:
        facts = dataset(row)
        assert int(row["classes"]) == facts.classes
        assert row["download"].replace("`", "") == facts.download
        assert facts.inputs == 3 and facts.flip and facts.licence == "none stated by its authors; for research"


def test_the_text_names_the_sources_of_embedded_datasets():
    words = " ".join(PAGE.split())
    for row in EMBEDDED:
        assert f"- **`{dataset(row).name}`**: {dataset(row).source}" in words

"""What the page of results says of the studies on the project's own table is what the snapshot gives."""

import csv
import itertools
import statistics

import pandas as pd
from scipy.stats import kendalltau

from harness.analysis.statistics import rank_agreement
from harness.plan import registry
from tests.cited import RESULTS, SHARES, estimated, rows
from tests.pages import section, tables, text

FOLDER = registry.ROOT / "results/published/ablations_tables-2026-11-30"


def of_the_table(part):
    """What its findings say, computed from the snapshot's CSV files: texts of which each stands on the page."""
    spread = csv.DictReader((FOLDER / "figures/study_variance.csv").open())
    shares = [[f"{100 * float(row[name]):.0f}" for name in SHARES] + [float(row["variance"])] for row in spread]
    yield from (f"{share}% [{low}, {high}]" for share, low, high, _ in shares)
    yield "deviations of {:.1f} and {:.1f} points".format(*(variance**0.5 for *_, variance in shares))
    runs = pd.DataFrame(rows(part, "accuracies")).astype({"accuracy": float})
    random = 100 * runs["accuracy"][runs["method"] == "random_sampling"]
    yield f"{len(random)} random architectures reach {random.min():.1f} to {random.max():.1f}%"
    three = runs[runs["method"] == "nasbench201_three_runs"]
    short, long = (three[three["variant"].str.contains("epochs=1") == is_short] for is_short in (True, False))
    short, long = (of.pivot(index="seed", columns="repeat", values="accuracy").to_numpy() for of in (short, long))
    yield f"{len(long):,} architectures of NAS-Bench-201"
    alike = statistics.mean(kendalltau(*pair).statistic for pair in zip(short.T, long.T))
    yield f"Tau between them is {alike:.2f}"
    tenth = lambda of: long[(-of).argsort(kind="stable")[: len(of) // 10]].T  # noqa: E731
    pairs = [tenth(long[:, 0])[1:]], list(itertools.combinations(tenth(long.mean(axis=1)), 2))
    for found in (rank_agreement(some, of="best tenth") for some in pairs):
        yield "{:.2f} [{:.2f}, {:.2f}]".format(*found).replace("-", "−")
    _, reference, epoch = rows(part, "studies")
    for row in (reference, epoch):
        yield estimated(row, "tau", "tau_low", "tau_high", "{:.2f}")
    yield "ceilings of {:.2f} and {:.2f}".format(*(float(epoch[f"ceiling_{of}"]) for of in ("reference", "variant")))
    yield "ceiling − tau = " + estimated(epoch, "gap", "gap_low", "gap_high", "{:.2f}")
    yield "without noise " + estimated(epoch, "correlation", "correlation_low", "correlation_high", "{:.2f}")
    yield "loses {:.1f} points".format(float(epoch["regret"]))
    yield "3 epochs {:.1f}.".format(float(epoch["regret_ceiling"]))
    yield f"{reference['seeds_for_top']} trainings of each until the best of 1,000"
    swaps = list(csv.DictReader((FOLDER / "figures/study_swaps.csv").open()))
    yield "{:.1f} points apart in one training have the other order in {:.0f}%".format(
        float(swaps[2]["gap"]), 100 * float(swaps[2]["share"])
    )


def test_what_the_studies_found_on_the_table_is_the_snapshots():
    part = section(text(RESULTS), "The same questions, on a table")
    page = " ".join(part.split())
    assert [said for said in of_the_table(part) if said not in page] == []
    assert {row["on this table"] for row in tables(part)[0]} <= {
        *("**confirmed**", "**contradicted**", "**not decidable**")
    }

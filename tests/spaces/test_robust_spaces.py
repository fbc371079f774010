"""The spaces S1 to S3 of RobustDARTS."""

from collections import Counter
from math import prod

import pytest

from harness.plan import registry
from spaces.base import UserError
from spaces.darts.choices import CANDIDATES
from spaces.darts_s1 import CELLS as S1
from spaces.darts_s2 import CELLS as S2
from spaces.darts_s3 import CELLS as S3
from spaces.parts.genotype import Genotype


@pytest.mark.parametrize("name", ["darts_s1", "darts_s2", "darts_s3"])
def test_two_cells_of_180_wirings_and_two_operations_an_edge(name):
    assert prod(registry.space(name).choices) == (180 * 2**8) ** 2


def test_s1_has_the_published_table():
    """How often each operation stands in the authors' table, and its pairs that are easily confused: those without a
    skip connection."""
    counts = [Counter(name for pair in cell for name in pair) for cell in (S1.normal, S1.reduce)]
    assert counts[0] == {"skip_connect": 12, "sep_conv_3x3": 4, "dil_conv_3x3": 6, "dil_conv_5x5": 4, "max_pool_3x3": 2}
    assert counts[1] == {
        "max_pool_3x3": 8,
        "avg_pool_3x3": 6,
        "skip_connect": 6,
        "dil_conv_5x5": 5,
        "dil_conv_3x3": 2,
        "sep_conv_3x3": 1,
    }
    where = [dict(zip(S1.edges, cell)) for cell in (S1.normal, S1.reduce)]
    assert where[0][3, 3] == where[0][3, 4] == ("dil_conv_3x3", "dil_conv_5x5")
    assert where[1][0, 1] == ("max_pool_3x3", "dil_conv_3x3") and where[1][2, 1] == ("max_pool_3x3", "sep_conv_3x3")
    assert all(set(pair) < set(CANDIDATES) and len(set(pair)) == 2 for pair in S1.normal + S1.reduce)


def test_s3_is_s2_with_none_in_the_supernet():
    assert (S2.shape, S3.shape) == ((2,) * 28, (3,) * 28)
    assert [tuple(name for name in names if name != "none") for names in S3.normal] == list(S2.normal)
    none, skip, sep = [0.8, 0.15, 0.05], [0.8, 0.05, 0.15], [0.1, 0.3, 0.6]
    genotype = S3.derive([none, none, skip, none, sep, *[none] * 9, *[skip] * 14])
    assert genotype.normal[:4] == (
        ("skip_connect", 0),
        ("skip_connect", 1),
        ("sep_conv_3x3", 2),
        ("sep_conv_3x3", 0),
    )


def test_operations_of_other_edges_are_refused():
    cell = tuple(("skip_connect", source) for _ in range(4) for source in (0, 1))
    genotype = Genotype(cell, (2, 3, 4, 5), cell, (2, 3, 4, 5))
    assert registry.space("darts_s2").valid(registry.space("darts_s2").encode(genotype))
    with pytest.raises(UserError, match=r"S1 space, 'reduce', node 2: skip_connect is not one of max_pool_3x3"):
        registry.space("darts_s1").encode(genotype)

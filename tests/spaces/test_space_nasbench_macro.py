"""NAS-Bench-Macro's space: sizes as published, digits as text, identities that do nothing."""

import pytest
import torch

from harness.plan import registry
from harness.running.counts import describe
from spaces.base import Size, UserError
from tests.protocols.tables.sources import DATA, real
from tests.reference.forms import difference, pair

SPACE = registry.space("nasbench_macro")
# arch: (params, flops) of xiusu/NAS-Bench-Macro, data/nas-bench-macro_cifar10.json (Apache-2.0)
PUBLISHED = {"00000000": (387882, 7713280), "00000012": (1623082, 27312640), "00000020": (1219370, 20910592)}


@pytest.mark.parametrize("text", PUBLISHED)
def test_networks_have_the_published_sizes(text):
    counts = describe(SPACE, SPACE.read(text), SPACE.published)
    assert (counts["parameters"], counts["macs"]) == PUBLISHED[text]


@real
def test_all_published_sizes():
    import pandas as pd

    table = pd.read_csv(DATA / "nb_macro/cifar10.csv.xz", dtype={"arch": str})
    archs = [SPACE.parse(text) for text in table["arch"]]
    assert len(set(archs)) == 3**8
    for metric, column in (("parameters", "params"), ("macs", "flops")):
        constant, costs = SPACE.costs(SPACE.published, metric)
        assert [constant + sum(row[i] for row, i in zip(costs, arch)) for arch in archs] == table[column].tolist()
    classes = table["arch"].map(lambda text: SPACE.isomorphism(SPACE.parse(text)))
    assert table.groupby(classes)[["acc0", "acc1", "acc2"]].nunique().max().max() == 1  # trained once


def test_texts_are_digits():
    assert SPACE.read("22212202") == ("mb6_k5",) * 3 + ("mb3_k3",) + ("mb6_k5",) * 2 + ("identity", "mb6_k5")
    for text, said in (("0120120", "7 blocks given"), ("01201203", "layer 8: '3'"), ("0120120a", "layer 8")):
        with pytest.raises(UserError, match=said):
            SPACE.parse(text)


EQUAL = [("10102021", "10120021", True), ("00100102", "00100120", True), ("01020012", "01200012", False)]


@pytest.mark.parametrize(("one", "other", "equal"), EQUAL)
def test_equal_networks_share_a_text(one, other, equal):
    """Identities move behind the other later layers of their stage (stages are 2, 3 and 3 layers)."""
    assert (SPACE.isomorphism(SPACE.parse(one)) == SPACE.isomorphism(SPACE.parse(other))) is equal


def test_identities_compute_nothing():
    size = Size(channels=4, cells=8, classes=3, image=8, inputs=1)
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    first, second = (SPACE.build(SPACE.parse(text), size).double().eval() for text in EQUAL[0][:2])
    second.load_state_dict(dict(zip(second.state_dict(), first.state_dict().values())))
    torch.testing.assert_close(first(x)[0], second(x)[0], rtol=0, atol=0)


def test_the_fast_form_is_the_definition():
    size = Size(channels=4, cells=8, classes=3, image=8, inputs=1)
    network = pair(SPACE.build(SPACE.parse("01201200"), size))
    assert difference(network, torch.randn(4, 1, 8, 8, dtype=torch.float64)) < 1e-9
    mix = [torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64, requires_grad=True)] * 8
    assert difference(pair(SPACE.supernet(size)), torch.randn(4, 1, 8, 8, dtype=torch.float64), mix) < 1e-9

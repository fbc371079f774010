"""NAS-Bench-201: sizes, equal cells, logits and texts as those of the public code (numbers in tests/golden)."""

import random
from itertools import product

import numpy as np
import pytest
import torch

from spaces.base import Size, UserError
from spaces.nasbench201 import Nasbench201
from spaces.nasbench201.notation import read, write
from tests.reference.published import GOLDEN, NASBENCH201

SPACE = Nasbench201()


@pytest.mark.parametrize("arch", NASBENCH201)
def test_published_cells(arch):
    parameters, macs, connected, equal = NASBENCH201[arch]
    options = SPACE.parse(arch)
    assert SPACE.text(options) == arch
    assert (SPACE.connected(options), SPACE.isomorphism(options)) == (connected, equal)
    for metric, published in (("parameters", parameters), ("macs", macs)):
        constant, table = SPACE.costs(SPACE.published, metric)
        assert constant + sum(row[option] for row, option in zip(table, options)) == published
    with torch.device("meta"):
        network = SPACE.build(options, SPACE.published)
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_a_cell_outside_the_space_can_be_built():
    text = "|nor_conv_3x3~0|+|nor_conv_3x3~1|+|skip_connect~0|skip_connect~2|"  # AutoDL-Projects' ResNet
    with torch.device("meta"):
        network = SPACE.network(read(text), SPACE.published)
    assert sum(p.numel() for p in network.parameters()) == 559_386
    assert write(read(text)) == text
    with pytest.raises(UserError, match="outside the space nasbench201, whose cells have one operation on each edge"):
        SPACE.parse(text)


def test_classes_of_equal_cells():
    everything = list(product(range(5), repeat=6))
    assert len({SPACE.isomorphism(arch) for arch in everything}) == 6_466
    with_zero = [arch for arch in everything if not SPACE.connected(arch)]
    assert 0 < len(with_zero) < len(everything) and (0,) * 6 in with_zero


@pytest.mark.skipif(not GOLDEN.exists(), reason=f"needs {GOLDEN}")
@pytest.mark.parametrize("name", ["random_04", "best_cifar10_test"])
def test_logits_of_the_public_code(name):
    case = np.load(GOLDEN / f"nb201_tiny_{name}_C4_N1.npz")
    network = SPACE.build(SPACE.parse(str(case["arch"])), Size(4, 3, 10, 32)).double().train()
    state = {str(key): torch.from_numpy(case[f"p{i:04d}"]).double() for i, key in enumerate(case["names"])}
    assert list(state) == [key for key, _ in network.named_parameters()]
    network.load_state_dict(state, strict=False)
    logits, _ = network(torch.from_numpy(case["x"]).double())
    torch.testing.assert_close(logits, torch.from_numpy(case["logits_train_mode_float64"]), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("|nor_conv_3x3~0|+|none~0|skip~1|+|none~0|none~1|none~2|", "node 2: unknown operation 'skip'"),
        ("|none~0|+|none~0|none~2|+|none~0|none~1|none~2|", "node 2: 'none~2' must read a node from 0 to 1"),
        ("|none~0|+none~0|none~1|+|none~0|none~1|none~2|", "node 2 is 'none~0|none~1|': write each node as"),
        ("|none|+|none~0|none~1|+|none~0|none~1|none~2|", "node 1: 'none' must read a node from 0 to 0"),
        ("", "node 1 is ''"),
    ],
)
def test_bad_texts(text, said):
    with pytest.raises(UserError) as error:
        SPACE.parse(text)
    assert str(error.value).startswith(said)


@pytest.mark.parametrize("cells", [3, 4, 5])
def test_a_path_through_the_supernet_is_the_inherited_network(cells):
    torch.manual_seed(0)
    supernet = SPACE.supernet(Size(4, cells, 10, 11, 1)).double()
    x = torch.randn(5, 1, 11, 11, dtype=torch.double)
    for seed in range(3):
        arch = SPACE.sample(random.Random(seed))
        torch.testing.assert_close(supernet(x, supernet.path(arch)), supernet.inherit(arch)(x), rtol=1e-12, atol=1e-12)


def test_every_cell_of_the_supernet_is_mixed_alike():
    """A mix of all candidates is the sum over the edges' candidates, worked out for one cell by hand."""
    torch.manual_seed(1)
    cell = SPACE.supernet(Size(3, 3, 10, 8)).double().cells[0]
    x, mix = torch.randn(4, 3, 8, 8, dtype=torch.double), torch.rand(6, 5, dtype=torch.double, requires_grad=True)
    edge = lambda k, y: sum(w * layer(y) for w, layer in zip(mix[k], cell.edges[k]))  # noqa: E731
    one = edge(0, x)
    two = edge(1, x) + edge(2, one)
    torch.testing.assert_close(cell(x, mix), edge(3, x) + edge(4, one) + edge(5, two), rtol=1e-12, atol=1e-12)

"""The DARTS space, its networks and its supernet against numbers of the public code (tests/golden/darts.json)."""

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from spaces.base import Size, UserError
from spaces.darts.choices import CANDIDATES, CELLS
from spaces.darts.public_weights import load_public_weights
from spaces.darts.space import Darts
from spaces.darts.supernet import DartsSupernet, published_rule
from spaces.parts.auxiliary import AuxiliaryHead
from spaces.parts.cells import CellNetwork
from spaces.parts.genotype import Genotype, read_genotype, write_genotype
from spaces.parts.network import DropPath

FOLDER = Path(__file__).parents[1] / "golden"
GOLDEN = json.loads((FOLDER / "darts.json").read_text())
NETS = {
    key.removeprefix("darts.net."): fact["value"]
    for key, fact in GOLDEN.items()
    if key.startswith("darts.net.") and "genotype" in fact["value"]
}
SIZES = {"C36_L20": Size(36, 20, 10, 32), "C16_L8": Size(16, 8, 10, 32), "C4_L8": Size(4, 8, 10, 32)}
V2 = read_genotype(json.dumps(NETS["DARTS_V2"]["genotype"]))
SPACE = Darts()


def golden(key):
    return GOLDEN[f"darts.{key}"]["value"]


def macs(network, size):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(2, size.inputs, size.image, size.image, device="meta"))
    return counter.get_total_flops() // 2 // 2


def meta(make):
    with torch.device("meta"):
        return make()


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def seeded(make, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NETS)
def test_sizes_of_networks_are_the_published_ones(name, size):
    genotype = read_genotype(json.dumps(NETS[name]["genotype"]))
    network = meta(lambda: CellNetwork(genotype, SIZES[size])).eval()
    assert parameters(network) == NETS[name]["params"][size]
    assert macs(network, SIZES[size]) == NETS[name]["macs"][size]


@pytest.mark.parametrize("size", SIZES)
def test_sizes_of_auxiliary_heads(size):
    facts, large = golden(f"aux_DARTS_V2_{size}"), Size(**{**vars(SIZES[size]), "auxiliary": True})
    network = meta(lambda: CellNetwork(V2, large))
    assert parameters(network) == facts["params_total"]
    assert parameters(network.auxiliary) == facts["params_aux_head"]
    if "macs_eval" in facts:
        assert macs(network.eval(), large) == facts["macs_eval"]
        assert macs(network.train(), large) == facts["macs_train_mode_with_aux_per_image"]


def test_size_of_the_imagenet_network():
    size = Size(48, 14, 1000, 224, stem="imagenet")
    network = meta(lambda: CellNetwork(V2, size)).eval()
    assert (parameters(network), macs(network, size)) == tuple(golden("imagenet.DARTS_V2_C48_L14").values())


@pytest.mark.parametrize("side", [1, 2, 4, 7, 8, 14])
def test_auxiliary_head_takes_any_map(side):
    head = AuxiliaryHead(6, 10)
    assert head(torch.randn(2, 6, side, side)).shape == (2, 10)


@pytest.mark.parametrize("image", [7, 8, 16])
def test_network_takes_small_and_odd_images(image):
    network = seeded(lambda: CellNetwork(V2, Size(4, 3, 10, image, auxiliary=True)))
    logits, auxiliary = network(torch.randn(2, 3, image, image))
    assert logits.shape == auxiliary.shape == (2, 10)
    assert network.eval()(torch.randn(2, 3, image, image))[1] is None


def test_drop_path_spares_identities_only():
    skips = (("skip_connect", 0), ("skip_connect", 1))
    normal, reduction, _ = seeded(lambda: CellNetwork(Genotype(skips, (2,), skips, (2,)), Size(4, 3, 10, 8))).cells
    drop_all = DropPath(1 - 1e-9, torch.Generator())
    x = torch.randn(2, 12, 8, 8)
    assert torch.equal(normal(x, x, drop_all), normal(x, x))
    y = normal(x, x)
    assert reduction(x, y).abs().sum() > 0
    assert reduction(x, y, drop_all).abs().sum() == 0  # with stride 2 a skip is a FactorizedReduce


def test_every_architecture_round_trips():
    rng = random.Random(0)
    for _ in range(200):
        arch = SPACE.sample(rng)
        assert SPACE.encode(SPACE.decode(arch)) == SPACE.parse(SPACE.text(arch)) == arch


def test_text_is_that_of_the_literature():
    assert json.loads(SPACE.write(V2)) == NETS["DARTS_V2"]["genotype"]
    assert SPACE.decode(SPACE.encode(V2)).normal[-2:] == V2.normal[-2:]
    swapped = Genotype((V2.normal[1], V2.normal[0], *V2.normal[2:]), V2.normal_concat, V2.reduce, V2.reduce_concat)
    assert SPACE.encode(swapped) == SPACE.encode(V2)


def test_python_notation_is_read():
    """As quark0/darts prints its results, also with `range` and trailing commas."""
    pairs = {key: [tuple(edge) for edge in NETS["NASNet"]["genotype"][key]] for key in ("normal", "reduce")}
    text = (
        f"Genotype(normal={pairs['normal']}, normal_concat=range(2, 7),\n"
        f"  reduce={pairs['reduce']}, reduce_concat=[4, 5, 6,],)"
    )
    assert json.loads(write_genotype(read_genotype(text))) == NETS["NASNet"]["genotype"]
    for bad in ("Genotype()", "Genotype(normal=__import__('os'))", "Genotype(" + "(" * 9999 + ")"):
        with pytest.raises(UserError):
            read_genotype(bad)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.pop("reduce"), "lacks the key 'reduce'"),
        (lambda d: d.update(normals=[]), 'unknown key "normals" (did you mean normal'),
        (lambda d: d["normal"].pop(), "'normal': 7 pairs"),
        (lambda d: d["normal"][3].__setitem__(0, "sep_conv_3x"), "'normal', pair 3: unknown operation"),
        (
            lambda d: d["reduce"][4].__setitem__(1, 4),
            "'reduce', pair 4: input 4 does not exist there; inputs are 0 to 3",
        ),
        (lambda d: d["reduce"][4].__setitem__(1, True), "'reduce', pair 4: input true"),
        (lambda d: d.update(normal_concat=[2, 6]), "'normal_concat': state 6"),
        (lambda d: d.update(normal_concat=[2, 2]), "names a state twice"),
        (lambda d: d.update(normal_concat=[]), "is not a list of states"),
        (lambda d: d["normal"].__setitem__(0, "skip"), "'normal', pair 0: \"skip\" is not a pair"),
    ],
)
def test_bad_genotypes_are_refused_with_the_position(change, says):
    data = json.loads(write_genotype(V2))
    change(data)
    with pytest.raises(UserError, match=re.escape(says)):
        read_genotype(json.dumps(data))


@pytest.mark.parametrize("text", ["", "{", '{"normal": 1, "normal": 2}', "[" * 100000, "1" * 5000, "NaN"])
def test_texts_that_are_no_genotype_are_refused(text):
    with pytest.raises(UserError) as caught:
        read_genotype(text)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", ["NASNet", "odd_allskip"])
def test_designs_outside_the_space_are_refused(name):
    data = json.loads(write_genotype(V2))
    if name == "NASNet":
        data = NETS[name]["genotype"]
    else:
        data["normal"][1] = ["sep_conv_3x3", data["normal"][0][1]]
    with pytest.raises(UserError, match="outside the DARTS space"):
        SPACE.encode(read_genotype(json.dumps(data)))


@pytest.mark.parametrize("size", ["C16_L8", "C4_L8", "C4_L3", "C4_L5", "C16_L20"])
def test_sizes_of_supernets(size):
    channels, cells = (int(part[1:]) for part in size.split("_"))
    supernet = meta(lambda: SPACE.supernet(Size(channels, cells, 10, 32)))
    assert parameters(supernet) == golden(f"supernet.{size}")["weight_params"]


def test_multiply_adds_of_the_supernet():
    size = Size(4, 3, 10, 32)
    supernet = meta(lambda: SPACE.supernet(size))
    mix = [torch.ones(8, device="meta", requires_grad=True) for _ in range(28)]
    assert macs(lambda x: supernet(x, mix), size) == golden("supernet.C4_L3")["macs_32x32"]


def published_supernet():
    """(supernet with the public code's weights, its alphas, the arrays that the public code computed from them)."""
    data = np.load(FOLDER / "darts_supernet.npz", allow_pickle=False)
    supernet = SPACE.supernet(Size(4, 3, 10, 16)).double()
    names = map(str, data["weight_names"])
    load_public_weights(supernet, ((name, torch.from_numpy(data[f"w{i:04d}"])) for i, name in enumerate(names)))
    alphas = torch.from_numpy(np.concatenate([data["alphas_normal"], data["alphas_reduce"]]))
    return supernet, alphas, data


def test_supernet_numbers_are_the_published_ones():
    supernet, alphas, data = published_supernet()
    mix = alphas.softmax(1).unbind()
    for split in ("train", "valid"):
        logits = supernet(torch.from_numpy(data[f"x_{split}"]).double(), mix)
        torch.testing.assert_close(logits, torch.from_numpy(data[f"logits_{split}"]), rtol=1e-8, atol=1e-12)
        loss = F.cross_entropy(logits, torch.from_numpy(data[f"y_{split}"]))
        assert loss.item() == pytest.approx(float(data[f"loss_{split}"]), rel=1e-10)


def test_a_path_is_the_inherited_network():
    supernet, rng = seeded(lambda: SPACE.supernet(Size(4, 4, 5, 16))).double(), random.Random(0)
    x = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)).double()
    for _ in range(5):
        arch, state = SPACE.sample(rng), torch.get_rng_state()
        alone = supernet.inherit(arch)
        assert torch.equal(state, torch.get_rng_state())
        torch.testing.assert_close(supernet(x, supernet.path(arch)), alone(x), rtol=1e-9, atol=1e-12)
        assert SPACE.encode(published_rule(supernet.path(arch))) == arch
        next(alone.parameters()).data.zero_()
    assert next(supernet.parameters()).abs().sum() > 0


def alphas_of(case):
    data = np.load(FOLDER / "darts_alphas.npz", allow_pickle=False)
    return torch.from_numpy(np.concatenate([data[f"normal_{case}"], data[f"reduce_{case}"]]))


@pytest.mark.parametrize("case", golden("genotype_from_alphas"), ids=lambda case: str(case["i"]))
def test_derived_genotypes_are_the_published_ones(case):
    genotype = published_rule(alphas_of(case["i"]).softmax(1).unbind())
    assert [list(edge) for edge in genotype.normal] == case["normal"]
    assert [list(edge) for edge in genotype.reduce] == case["reduce"]
    assert list(genotype.normal_concat) == case["concat"]


@pytest.mark.parametrize("case", [5, 6, 7, 8])
def test_derived_edges_are_the_heaviest_except_none(case):
    weights = alphas_of(case).softmax(1)
    if case == 8:
        assert (weights.argmax(1) == 0).sum() > 14  # `none` is the heaviest on most edges
    reduce, first = published_rule(weights.unbind()).reduce, 14
    for node in range(4):
        into = weights[first : first + node + 2, 1:]
        chosen = [into[source, CANDIDATES.index(name) - 1] for name, source in reduce[2 * node : 2 * node + 2]]
        assert chosen == into.amax(1).topk(2).values.tolist()
        first += node + 2


def test_ties_keep_the_lower_index():
    assert published_rule(alphas_of(9).unbind()).reduce == (("max_pool_3x3", 0), ("max_pool_3x3", 1)) * 4


def test_places_are_those_of_the_public_code():
    assert CELLS.edges[:5] == ((0, 0), (0, 1), (1, 0), (1, 1), (1, 2))
    assert DartsSupernet.shape == (8,) * 28
    assert list(CANDIDATES) == golden("primitives")

"""The ENAS micro space against the authors' published arc, sizes and search graph (tests/golden/enas.json)."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest
import torch
from scipy.stats import chisquare
from torch.utils.flop_counter import FlopCounterMode

from spaces.base import Size, UserError
from spaces.enas.choices import OPERATIONS
from spaces.enas.space import Enas
from spaces.parts.genotype import Genotype
from spaces.parts.network import DropPath
from tests.reference.enas import mixed

GOLDEN = {
    key: fact["value"] for key, fact in json.loads((Path(__file__).parents[1] / "golden/enas.json").read_text()).items()
}
ARC = GOLDEN["fixed_arc"]["fixed_arc"]
TINY = Size(channels=4, cells=3, classes=10, image=8)
LOOSE_INPUTS = "0 2 0 0 2 4 2 1 3 4 3 1 4 0 4 1 5 2 5 1 " * 2  # no block reads cell input 1


def parameters(module: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def macs(network: torch.nn.Module, images: int = 1) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.to("meta")(torch.zeros(images, 3, 32, 32, device="meta"))
    return counter.get_total_flops() // 2 // images


def test_published_arc_reads_as_its_genotype():
    design = Enas().read(ARC)
    assert [list(edge) for edge in design.normal] == GOLDEN["fixed_arc"]["normal"]
    assert [list(edge) for edge in design.reduce] == GOLDEN["fixed_arc"]["reduce"]
    assert list(design.normal_concat) == GOLDEN["fixed_arc"]["normal_loose_ends"]
    assert list(design.reduce_concat) == GOLDEN["fixed_arc"]["reduce_loose_ends"]
    assert Enas().parse(ARC) == tuple(map(int, ARC.split()))


@pytest.mark.parametrize(("fact", "channels", "layers"), [("final_L15_C36", 36, 15), ("L6_C20", 20, 6)])
def test_sizes_in_the_authors_own_macro(fact: str, channels: int, layers: int):
    space, golden = Enas("enas"), GOLDEN[fact]
    network = space.network(space.read(ARC), Size(channels, layers, 10, 32)).eval()
    full = space.network(space.read(ARC), Size(channels, layers, 10, 32, auxiliary=True))
    assert (parameters(network), macs(network)) == (golden["params"], golden["macs"])
    assert parameters(full) - parameters(network) == golden["aux_params"]
    assert macs(full.train(), images=2) - macs(full.eval(), images=2) == golden["aux_macs"]
    for i, layer in enumerate(network.layers):
        assert parameters(layer) == golden.get("per_layer", {}).get(f"layer_{i}", parameters(layer)), i


def test_size_in_the_darts_macro():
    network = Enas().network(Enas().read(ARC), Enas.published).eval()
    assert {"params": parameters(network), "macs": macs(network)} == GOLDEN["in_darts_macro_C36_L20"]


def test_size_of_the_shared_weights():
    golden, supernet = GOLDEN["shared_supernet_L6_C20"], Enas("enas").supernet(Size(20, 6, 10, 32))
    assert parameters(supernet) == golden["params"]
    assert [parameters(layer) for layer in supernet.layers] == [golden["per_layer"][f"layer_{i}"] for i in range(8)]


@pytest.mark.parametrize("macro", ["darts", "enas"])
def test_networks_of_random_and_odd_designs_run(macro: str):
    space, rng = Enas(macro), random.Random(0)
    archs = [space.parse(LOOSE_INPUTS), space.sample(rng), space.sample(rng)]
    drop = DropPath(0.3, torch.Generator().manual_seed(0))
    for arch in archs:
        for image in (8, 16):
            network = space.build(arch, Size(4, 3, 10, image, auxiliary=True))
            logits, auxiliary = network.train()(torch.randn(3, 3, image, image), drop)
            assert logits.shape == auxiliary.shape == (3, 10)
            (logits.sum() + auxiliary.sum()).backward()
            assert all(weight.grad is not None for weight in network.parameters())


def test_texts_round_trip_and_sides_keep_their_order():
    space, rng = Enas(), random.Random(1)
    for _ in range(50):
        arch = space.sample(rng)
        assert space.valid(arch)
        assert space.parse(space.text(arch)) == arch
        assert space.parse(" ".join(map(str, arch))) == arch
        assert all(sum(a != b for a, b in zip(arch, other)) == 1 for other in space.neighbours(arch))
    assert space.text(arch).startswith('{"normal": [["')
    assert len(set(space.neighbours(arch))) == sum(options - 1 for options in space.choices)


def test_loose_cell_inputs_are_concatenated():
    assert Enas().read(LOOSE_INPUTS).normal_concat == (1, 6)


def test_sampling_is_uniform_and_reads_earlier_blocks():
    space, rng = Enas(), random.Random(2)
    archs = [space.sample(rng) for _ in range(3000)]
    for i, options in enumerate(space.choices):
        counts = Counter(arch[i] for arch in archs)
        assert chisquare([counts[k] for k in range(options)]).pvalue > 1e-4, i


GENOTYPE = Enas().read(ARC)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"normal": GENOTYPE.normal[:8]}, "has 4 nodes"),
        ({"normal": (("dil_conv_3x3", 0), *GENOTYPE.normal[1:])}, "dil_conv_3x3"),
        ({"reduce_concat": (2, 3)}, "loose ends"),
    ],
)
def test_designs_outside_the_space_are_refused(change: dict, words: str):
    with pytest.raises(UserError, match=words) as error:
        Enas().encode(Genotype(**{**vars(GENOTYPE), **change}))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 2 0", "40 numbers"),
        (ARC.replace("0 2 0 0", "0 2 9 0", 1), r"number 3 \(input\): '9' is not one of 0 to 1"),
        (ARC.replace("0 2 0 0", "0 5 0 0", 1), r"number 2 \(operation\)"),
        (ARC.replace("0 2 0 0", "0 x 0 0", 1), "number 2"),
        ('{"normal": 3}', "genotype"),
        ("", "genotype"),
    ],
)
def test_bad_texts_say_where(text: str, words: str):
    with pytest.raises(UserError, match=words) as error:
        Enas().parse(text)
    assert "\n" not in str(error.value)


def test_unknown_macro_and_stem_are_refused():
    with pytest.raises(UserError, match="macro 'dart'"):
        Enas("dart")
    with pytest.raises(UserError, match="imagenet"):
        Enas("enas").build(Enas().parse(ARC), Size(4, 3, 10, 64, stem="imagenet"))


@pytest.mark.parametrize("macro", ["darts", "enas"])
def test_a_path_is_its_inherited_network(macro: str):
    torch.manual_seed(0)
    space, rng = Enas(macro), random.Random(3)
    supernet, x = space.supernet(TINY).double(), torch.randn(6, 3, 8, 8, dtype=torch.float64)
    state = torch.get_rng_state()
    for arch in [space.parse(LOOSE_INPUTS), *(space.sample(rng) for _ in range(4))]:
        path = supernet.path(arch)
        assert tuple(map(len, path)) == supernet.shape
        assert supernet.derive(path) == arch
        torch.testing.assert_close(supernet(x, path), supernet.inherit(arch)(x), rtol=1e-9, atol=1e-9)
    assert torch.equal(state, torch.get_rng_state()), "the global RNG moved"


def random_mixes(supernet, dtype: torch.dtype) -> dict[str, list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(4)
    logits = [torch.randn(n, generator=generator, dtype=dtype) for n in supernet.shape]
    soft = [weights.softmax(0).requires_grad_() for weights in logits]
    two = [w.where(w >= w.topk(2).values[1], 0).detach() for w in soft]  # two candidates per place, others exactly 0
    path = [torch.nn.functional.one_hot(w.argmax(), len(w)).to(dtype) for w in logits]
    through = [one_hot.clone().requires_grad_() for one_hot in path]  # zeros that need a gradient
    return {"path": path, "two": two, "soft": soft, "straight_through": through}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@pytest.mark.parametrize("kind", ["path", "two", "soft", "straight_through"])
def test_the_supernet_equals_its_definition(kind: str, dtype: torch.dtype, tolerance: float):
    torch.manual_seed(1)  # with seed 0 a ReLU's input is so close to 0 that rounding changes a gradient by 1e-3
    supernet = Enas().supernet(TINY).to(dtype)
    mix = random_mixes(supernet, dtype)[kind]
    x, labels = torch.randn(8, 3, 8, 8, dtype=dtype), torch.arange(8)
    wanted = [*supernet.parameters(), *(weights for weights in mix if weights.requires_grad)]
    results = []
    for logits in (supernet(x, mix), mixed(supernet, x, mix)):
        loss = torch.nn.functional.cross_entropy(logits, labels)
        results.append([logits, *torch.autograd.grad(loss, wanted, allow_unused=True)])
    scale = max(float(gradient.abs().max()) for gradient in results[1][1:] if gradient is not None)
    for ours, theirs in zip(*results):
        ours = torch.zeros_like(theirs) if ours is None and theirs is not None else ours
        theirs = torch.zeros_like(ours) if theirs is None and ours is not None else theirs
        if ours is not None:
            torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance * max(scale, 1.0))


def test_only_chosen_operations_are_computed():
    with torch.device("meta"):  # every layer in its plain form
        supernet = Enas().supernet(TINY)
    skips = tuple(number for _ in range(20) for number in (0, OPERATIONS.index("skip_connect")))
    convs = tuple(number for _ in range(20) for number in (0, OPERATIONS.index("sep_conv_5x5")))
    cost = {}
    for name, arch in (("skips", skips), ("convs", convs)):
        with FlopCounterMode(display=False) as counter:
            supernet(torch.zeros(2, 3, 8, 8, device="meta"), supernet.path(arch))
        cost[name] = counter.get_total_flops() // 4
    # Ten sides with two convolutions each, of k^2 C + C^2 multiply-adds per pixel.
    layers = ((5, 4, 64), (5, 8, 16), (5, 16, 4))
    assert cost["convs"] - cost["skips"] == 20 * sum((k * k * c + c * c) * pixels for k, c, pixels in layers)

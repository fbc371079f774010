"""The ENAS micro space against the authors' published arc, sizes and search graph (tests/golden/enas.json)."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from spaces.base import Size, UserError
from spaces.enas.choices import FIRST_READER, OPERATIONS
from spaces.enas.space import Enas
from spaces.parts.cpu.fuse import fuse
from spaces.parts.genotype import Genotype
from spaces.parts.network import DropPath, Supernet

GOLDEN = {
    key: fact["value"] for key, fact in json.loads((Path(__file__).parents[1] / "golden/enas.json").read_text()).items()
}
ARC = GOLDEN["fixed_arc"]["fixed_arc"]
TINY = Size(channels=4, cells=3, classes=10, image=8)
IMAGENET = Size(channels=4, cells=3, classes=10, image=32, stem="imagenet")
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
    for i, layer in enumerate(network.cells):
        assert parameters(layer) == golden.get("per_layer", {}).get(f"layer_{i}", parameters(layer)), i


def test_size_in_the_darts_macro():
    network = Enas().network(Enas().read(ARC), Enas.published).eval()
    assert {"params": parameters(network), "macs": macs(network)} == GOLDEN["in_darts_macro_C36_L20"]


def test_size_of_the_shared_weights():
    golden, supernet = GOLDEN["shared_supernet_L6_C20"], Enas("enas").supernet(Size(20, 6, 10, 32))
    assert parameters(supernet) == golden["params"]
    assert [parameters(layer) for layer in supernet.cells] == [golden["per_layer"][f"layer_{i}"] for i in range(8)]


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


def random_mixes(supernet: Supernet) -> dict[str, list[Tensor]]:
    generator = torch.Generator().manual_seed(4)
    logits = [torch.randn(n, generator=generator, dtype=torch.float64) for n in supernet.shape]
    soft = [weights.softmax(0).requires_grad_() for weights in logits]
    two = [w.where(w >= w.topk(2).values[1], 0).detach() for w in soft]  # two candidates per place, others exactly 0
    path = [torch.nn.functional.one_hot(w.argmax(), len(w)).double() for w in logits]
    through = [one_hot.clone().requires_grad_() for one_hot in path]  # zeros that need a gradient
    loose = supernet.path(Enas().parse(LOOSE_INPUTS))
    return {"path": path, "loose": loose, "two": two, "soft": soft, "straight_through": through}


def results(network: nn.Module, x: Tensor, *given: Any, of: Sequence[Tensor] = ()) -> list[Tensor | None]:
    """The logits, and the gradients of all parameters, of x and of `of`."""
    x = x.clone().requires_grad_()
    logits = network(x, *given)
    logits = logits if isinstance(logits, Tensor) else torch.cat([part for part in logits if part is not None])
    loss = torch.nn.functional.cross_entropy(logits, torch.arange(len(logits)) % 7)
    return [logits, *torch.autograd.grad(loss, [x, *network.parameters(), *of], allow_unused=True)]


def assert_same(ours: Sequence[Tensor | None], theirs: Sequence[Tensor | None]) -> None:
    """What gets no gradient in one form gets none in the other: optimizers then leave it as it is."""
    for mine, its in zip(ours, theirs, strict=True):
        assert (mine is None) == (its is None)
        if mine is not None:
            torch.testing.assert_close(mine, its, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("mode", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("size", [TINY, IMAGENET], ids=["cifar", "imagenet"])
@pytest.mark.parametrize("kind", ["path", "loose", "two", "soft", "straight_through"])
def test_the_fused_supernet_equals_its_definition(kind: str, size: Size, mode: bool):
    torch.manual_seed(0)
    supernet = Enas("darts" if size is IMAGENET else "enas").supernet(size).double().train(mode)
    mix = random_mixes(supernet)[kind]
    x = torch.randn(3, 3, size.image, size.image, dtype=torch.float64)
    learnt = [weights for weights in mix if weights.requires_grad]
    assert_same(results(fuse(copy.deepcopy(supernet)), x, mix, of=learnt), results(supernet, x, mix, of=learnt))


def test_second_derivatives_go_through_the_definition():
    torch.manual_seed(0)
    supernet = Enas().supernet(TINY).double()
    mix, x = random_mixes(supernet)["path"], torch.randn(4, 3, 8, 8, dtype=torch.float64)

    def twice(network: nn.Module) -> Sequence[Tensor | None]:
        weights = list(network.parameters())
        gradients = torch.autograd.grad(network(x, mix).exp().sum(), weights, create_graph=True, allow_unused=True)
        norm = sum(gradient.square().sum() for gradient in gradients if gradient is not None)
        return torch.autograd.grad(norm / norm.detach(), weights, allow_unused=True)

    assert_same(twice(fuse(copy.deepcopy(supernet))), twice(supernet))


def test_weights_off_the_path_have_gradient_zero():
    """Momentum and weight decay then move them, as in the authors' code."""
    arch = tuple(number for _ in range(20) for number in (0, 0))  # sep_conv_3x3 of the first input, everywhere
    for form in (lambda network: network, fuse):
        supernet = form(Enas().supernet(TINY))
        supernet(torch.randn(4, 3, 8, 8), supernet.path(arch)).square().sum().backward()
        gradient = supernet.cells[0].operations["sep_conv_3x3"].first.pointwise.grad
        readers = set(FIRST_READER[:-1])
        assert {i for i, row in enumerate(gradient) if row.abs().sum() > 0} == readers
        assert len(gradient) == FIRST_READER[-1]


@pytest.mark.parametrize("mode", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("macro", ["darts", "enas"])
@pytest.mark.parametrize("arch", [ARC, LOOSE_INPUTS], ids=["published", "loose"])
def test_fused_networks_equal_their_definition(arch: str, macro: str, mode: bool):
    torch.manual_seed(0)
    space = Enas(macro)
    network = space.build(space.parse(arch), Size(4, 4, 10, 8, auxiliary=True)).double().train(mode)
    fused = fuse(copy.deepcopy(network))
    x = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    drops = (DropPath(0.3, torch.Generator().manual_seed(0)) for _ in range(2))
    assert_same(results(fused, x, next(drops)), results(network, x, next(drops)))
    assert_same(list(fused.buffers()), list(network.buffers()))


def test_only_chosen_operations_are_computed():
    with torch.device("meta"):
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

"""PC-DARTS: partial channels by hand, edge weights, warm-up, and what it derives."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F

from methods.parts.cell_spaces import supernet_of
from methods.parts.edge_weights import WeightedEdges
from methods.pc_darts import PcDarts
from protocols.base import Budget
from spaces.base import Size, UserError
from spaces.darts.space import Darts as DartsSpace
from spaces.darts_s3 import DartsS3
from spaces.fbnet.space import Fbnet
from spaces.parts.cpu.fuse import fuse
from spaces.parts.cpu.kernels import usable
from spaces.parts.varied_edges import PartialEdge
from tests.reference.run import TinyRun, random_images

SIZE = Size(4, 3, 3, 8)
S3 = DartsS3.cells


def run_of(epochs=2, size=SIZE):
    return TinyRun(DartsS3(), size, Budget(epochs, batch=8), random_images(size, 8))


def test_one_channel_in_four_is_mixed_and_all_are_shuffled_by_hand():
    """Channels 0 to 7 hold their numbers. With k=4 channels 0 and 1 are mixed: half `none`, half an identity. Groups of
    two are then dealt out: 0, 2, 4, 6, 1, 3, 5, 7."""
    edge = PartialEdge(("none", "skip_connect"), 8, 1, share=4)
    x = torch.arange(8.0).view(1, 8, 1, 1).expand(1, 8, 2, 2)
    y = edge(x, torch.tensor([0.5, 0.5]), (0, 1))
    assert y[0, :, 0, 0].tolist() == [0.0, 2.0, 4.0, 6.0, 0.5, 3.0, 5.0, 7.0]
    assert torch.equal(y, y[:, :, :1, :1].expand_as(y))
    quarter = edge(x, torch.tensor([0.1, 0.15]), (0, 1))  # an edge that weighs 0.25
    torch.testing.assert_close(quarter[0, :, 0, 0], torch.tensor([0, 0.5, 1, 1.5, 0.15, 0.75, 1.25, 1.75]))


def test_channels_that_pass_by_a_halved_map_are_pooled_by_hand():
    """3x3 pixels become 2x2, as those of the candidates: the largest of each 2x2, at the border of what is left."""
    edge = PartialEdge(("none", "max_pool_3x3"), 4, 2, share=4)
    x = torch.arange(9.0).view(1, 1, 3, 3) * torch.tensor([1.0, 1, 10, 100]).view(1, 4, 1, 1)
    y = edge(x, torch.tensor([1.0, 0.0]), (0, 1))
    assert y[0, 0].tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert y[0, 2].tolist() == [[40.0, 50.0], [70.0, 80.0]]
    assert torch.equal(y[0, 3], 10 * y[0, 2]) and torch.equal(y[0, 1], y[0, 2] / 10)


@pytest.mark.parametrize("stride", [1, 2])
def test_an_edge_is_the_weighted_sum_of_its_partial_operations(stride):
    """What passes by is added once with the sum of the weights: the same as with each candidate."""
    torch.manual_seed(0)
    names = ("none", "skip_connect", "sep_conv_3x3", "avg_pool_3x3")
    edge, x = PartialEdge(names, 8, stride, share=4).double(), torch.randn(3, 8, 6, 6).double()
    weights = torch.tensor([0.1, 0.2, 0.3, 0.15]).double()
    one_by_one = sum(w * op(x) for w, op in zip(weights, edge.candidates.values()))
    torch.testing.assert_close(edge(x, weights, (0, 1, 2, 3)), one_by_one)
    assert sum(w.numel() for w in edge.parameters()) < sum(
        w.numel() for w in PartialEdge(names, 8, stride, share=1).parameters()
    )


def test_supernet_has_a_sixteenth_of_the_pointwise_weights_and_its_paths_are_networks():
    run = run_of()
    supernet = supernet_of(run, partial(PartialEdge, share=4)).double()
    x = run.splits["val"][0].double()
    kernel = supernet.cells[0].edges[0].candidates["sep_conv_3x3"].operation[2].weight
    assert kernel.shape == (1, 1, 1, 1)
    for _ in range(2):
        arch = run.space.sample(run.rng)
        torch.testing.assert_close(supernet(x, supernet.path(arch)), supernet.inherit(arch)(x))


@pytest.mark.parametrize("few", [False, True])
def test_faster_form_equals_the_definition(few):
    """Logits and all gradients; with few candidates some edges have none and others weigh less than one."""
    run = run_of()
    supernet, (x, labels) = supernet_of(run, partial(PartialEdge, share=4)).double(), run.splits["val"]
    generator = torch.Generator().manual_seed(0)
    soft = [torch.rand(n, generator=generator).double() for n in supernet.shape]
    mix = [w * (torch.rand(3, generator=generator) < 0.4) if few else w.requires_grad_() for w in soft]
    outcomes = []
    for form in (lambda net: net, fuse):
        logits = form(supernet)(x.double(), mix)
        loss = F.cross_entropy(logits, labels)
        sought = [*supernet.parameters(), *(w for w in mix if w.requires_grad)]
        outcomes.append([logits, *torch.autograd.grad(loss, sought, allow_unused=True)])
    assert type(supernet.cells[0]).__name__ == "FastVariedCell" or not usable(x)
    for plain, fast in zip(*outcomes):
        assert (plain is None) == (fast is None)
        if plain is not None:
            torch.testing.assert_close(fast, plain, rtol=1e-9, atol=1e-12)


def test_edges_into_a_node_share_one_softmax():
    """By hand, with other betas at the edges 2, 3 and 4 of both cells, those into the second node: offsets as
    published, 2, 3, 4 and 5 edges a node."""
    alphas = WeightedEdges(S3, torch.Generator().manual_seed(0))
    assert [len(node) for node in alphas.edges()] == [2, 3, 4, 5] * 2
    with torch.no_grad():
        for logits in alphas.logits:
            logits.zero_()
        for betas in alphas.betas:
            betas.zero_()
        alphas.betas[1][2:5] = torch.tensor([0.0, math.log(2), math.log(5)])
    sums = [round(float(weights.detach().sum()), 5) for weights in alphas.mix()]
    equal = [1 / 2] * 2 + [1 / 3] * 3 + [1 / 4] * 4 + [1 / 5] * 5
    assert sums[:14] == pytest.approx(equal, abs=1e-5)
    assert sums[14:] == pytest.approx([0.5, 0.5, 1 / 8, 2 / 8, 5 / 8, *equal[5:]], abs=1e-5)
    assert len(list(alphas.parameters())) == 3  # one group of alphas, betas of both cells


def test_edges_are_ranked_by_the_product_of_both_weights():
    """Edge 2 of the second node has the surest operation, but its edge weighs little."""
    supernet, alphas = DartsS3().supernet(SIZE), WeightedEdges(S3, torch.Generator().manual_seed(0))
    with torch.no_grad():
        alphas.logits[0].copy_(torch.tensor([0.0, 1.0, 0.0]).expand(28, 3))
        alphas.logits[0][4] = torch.tensor([0.0, 0.0, 3.0])
        alphas.betas[0][4] = -3.0
    nodes = [DartsS3().decode(supernet.derive(mix)).normal[2:4] for mix in (alphas.mix(), alphas.probabilities())]
    assert {source for _, source in nodes[0]} == {0, 1}
    assert ("sep_conv_3x3", 2) in nodes[1]


def test_architecture_waits_for_the_warm_up_and_moves_after_it():
    run, moved = run_of(epochs=4), []
    log = run.log

    def watching(**metrics):
        moved.append([p.detach().clone() for p in run.state["alphas"].parameters()])
        log(**metrics)

    run.log = watching
    assert run.space.valid(PcDarts(warmup=0.5, alpha_lr=0.1).search(run))
    first, second, third, _ = moved
    assert all(torch.equal(a, b) for a, b in zip(first, second))
    assert not any(torch.equal(a, b) for a, b in zip(second, third))
    assert [row["lr"] for row in run.curve] == pytest.approx([0.1, 0.0853553, 0.05, 0.0146447], rel=1e-5)
    assert all({"val_loss", "edge_entropy", "none_share"} < set(row) for row in run.curve)
    assert run.curve[0]["edge_entropy"] == pytest.approx(sum(map(math.log, (2, 3, 4, 5))) / 4, abs=1e-4)


def test_gradients_reach_alphas_and_betas_exactly():
    """Along a direction of all of them, against a central difference in double precision."""
    run = run_of()
    supernet, (x, labels) = supernet_of(run, partial(PartialEdge, share=4)).double(), run.splits["val"]
    alphas = WeightedEdges(S3, torch.Generator().manual_seed(0)).double()

    def loss():
        return F.cross_entropy(supernet(x.double(), alphas.mix()), labels)

    gradients = torch.autograd.grad(loss(), list(alphas.parameters()))
    ends = []
    with torch.no_grad():
        for shift in (1e-5, -2e-5):
            for p, g in zip(alphas.parameters(), gradients):
                p += shift * g
            ends.append(float(loss()))
    assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(float(sum((g**2).sum() for g in gradients)), rel=1e-4)


def test_wrong_widths_parts_and_spaces_are_refused():
    assert PcDarts().unsupported(DartsSpace()) is None
    assert "two cells" in PcDarts().unsupported(Fbnet())
    with pytest.raises(UserError, match="part is 0"):
        PcDarts(part=0)
    with pytest.raises(UserError, match="2 channels cannot be divided into 4 parts"):
        PcDarts().search(run_of(size=Size(2, 3, 3, 8)))

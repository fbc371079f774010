"""DARTS-: its mixture against an explicit auxiliary skip connection, its decay, and what it derives."""

import math

import pytest
import torch
import torch.nn.functional as F

from methods.darts import Darts
from methods.darts_minus import DartsMinus
from methods.parts.architect import first_order
from methods.parts.auxiliary_skip import AuxiliarySkip
from protocols.base import Budget
from spaces.base import Size, UserError
from spaces.darts_s1 import DartsS1
from spaces.darts_s2 import DartsS2
from spaces.darts_s3 import DartsS3
from spaces.fbnet.space import Fbnet
from spaces.parts.mixed_cells import MixedEdge
from tests.reference.run import TinyRun, random_images

SIZE, TINY = Size(2, 3, 3, 8), Size(2, 1, 3, 4)
NAMES = ("none", "skip_connect", "sep_conv_3x3")


def run_of(space=None, epochs=2):
    return TinyRun(space or DartsS3(), TINY, Budget(epochs, batch=8), random_images(TINY, 8))


@pytest.mark.parametrize("stride", [1, 2])
def test_edge_has_the_skip_connection_outside_the_softmax(stride):
    """Against the authors' form with the candidate's own weights as the auxiliary ones; beta has no share of the
    softmax, and the other candidates keep theirs."""
    torch.manual_seed(0)
    edge, x = MixedEdge(NAMES, 2, stride).double(), torch.randn(4, 2, 6, 6).double()
    alphas = AuxiliarySkip([NAMES], torch.Generator().manual_seed(0)).double()
    alphas.beta = 0.7
    softmax = alphas.logits[0][0].softmax(0)
    skip = edge.candidates["skip_connect"]
    expected = sum(w * op(x) for w, op in zip(softmax, edge.candidates.values())) + 0.7 * skip(x)
    torch.testing.assert_close(edge(x, alphas.mix()[0], (0, 1, 2)), expected)
    assert torch.equal(alphas.probabilities()[0], softmax)
    assert float(alphas.mix()[0].sum().detach()) == pytest.approx(1.7)


def test_gradient_of_alphas_sees_the_auxiliary_one_only_through_the_maps():
    """beta's weight does not depend on alpha: the gradient is that of the softmax at the shifted mixture."""
    torch.manual_seed(0)
    supernet, batch = DartsS3().supernet(SIZE).double(), random_images(SIZE, 8, dtype=torch.float64)["val"]
    alphas = AuxiliarySkip(DartsS3().candidates, torch.Generator().manual_seed(0)).double()
    alphas.beta = 1.0
    found = first_order(supernet, alphas, batch)
    (logits,) = alphas.parameters()
    softmax = logits.detach().softmax(1)
    mix = [(row + torch.tensor([0.0, 1.0, 0.0])).requires_grad_() for row in softmax]
    slopes = torch.stack(torch.autograd.grad(F.cross_entropy(supernet(batch[0], mix), batch[1]), mix))
    by_hand = softmax * (slopes - (softmax * slopes).sum(1, keepdim=True))
    torch.testing.assert_close(found.gradients[0], by_hand, rtol=1e-8, atol=1e-14)


def test_edges_without_a_skip_connection_have_no_auxiliary_one():
    alphas = AuxiliarySkip(DartsS1().candidates, torch.Generator())
    alphas.beta = 1.0
    sums = [round(weights.sum().item()) for weights in alphas.mix()]
    assert sums == [1 + ("skip_connect" in names) for names in DartsS1().candidates]
    assert sums.count(2) == 18


def test_beta_decays_as_published():
    linear, cosine = DartsMinus(), DartsMinus(decay="cosine", beta=0.5)
    assert [linear.beta_at(epoch, 50) for epoch in (0, 25, 49)] == pytest.approx([1.0, 0.5, 0.02])
    assert [cosine.beta_at(epoch, 50) for epoch in (0, 25)] == pytest.approx([0.5, 0.25])
    assert cosine.beta_at(10, 50) == pytest.approx(0.25 * (1 + math.cos(math.pi / 5)))


def test_auxiliary_skip_is_not_derived():
    """Separable convolutions weigh more in every softmax, skip connections in every mixture."""
    supernet, alphas = DartsS2().supernet(SIZE), AuxiliarySkip(DartsS2().candidates, torch.Generator())
    alphas.beta = 1.0
    (logits,) = alphas.parameters()
    logits.data = torch.tensor([[0.0, 1.0]] * 28)
    derived, wrong = (supernet.derive(mix) for mix in (alphas.probabilities(), alphas.mix()))
    operations = [{name for name, _ in DartsS2().decode(arch).normal} for arch in (derived, wrong)]
    assert operations == [{"sep_conv_3x3"}, {"skip_connect"}]


def test_search_is_that_of_darts_without_beta_and_another_one_with_it():
    runs = [run_of(), run_of(), run_of()]
    archs = [method.search(run) for method, run in zip((Darts(), DartsMinus(beta=0.0), DartsMinus()), runs)]
    plain, without, other = (run.curve for run in runs)
    assert archs[0] == archs[1]
    for row, same in zip(plain, without):
        assert {name: same[name] for name in row} == row
    assert other[0]["train_loss"] != plain[0]["train_loss"]
    assert [row["beta"] for row in other] == [1.0, 0.5]
    assert other[0]["skip_share"] == pytest.approx(1 / 3, abs=0.01)  # of the softmax


def test_wrong_fields_and_spaces_are_refused():
    assert "skip_connect" in DartsMinus().unsupported(Fbnet())
    with pytest.raises(UserError, match="darts_minus: decay is 'step'; it must be linear or cosine"):
        DartsMinus(decay="step")
    with pytest.raises(UserError, match="darts_minus: order is 3"):
        DartsMinus(order=3)

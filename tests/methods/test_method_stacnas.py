"""StacNAS: groups and stages by hand, one level, the twins of a group of one, and its search."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from methods.parts.groups import Twins, opened, represented
from methods.stacnas import Stacnas
from protocols.base import Budget
from spaces.base import Size, UserError
from spaces.darts.choices import CELLS as DARTS
from spaces.darts.space import Darts as DartsSpace
from spaces.darts_s1 import CELLS as S1
from spaces.darts_s2 import CELLS as S2
from spaces.darts_s2 import DartsS2
from spaces.fbnet.space import Fbnet
from spaces.parts.mixed_cells import CellSupernet
from tests.reference.run import TinyRun, random_images

SIZE = Size(2, 3, 3, 8)
FIRST = ("none", "max_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_3x3")
"""Of DARTS' eight candidates, in their order."""


def run_of(space=None, epochs=2):
    return TinyRun(space or DartsS2(), SIZE, Budget(epochs, batch=8), random_images(SIZE, 8))


def test_one_of_each_group_and_none_in_stage_1():
    assert represented(DARTS).normal == represented(DARTS).reduce == (FIRST,) * 14
    assert represented(S2) == S2  # no two of its candidates are alike
    one = represented(S1)
    assert one.reduce[0] == ("max_pool_3x3",)  # of max_pool_3x3, avg_pool_3x3
    assert one.normal[1] == ("skip_connect", "dil_conv_5x5")  # nothing else of its group is there
    assert one.normal[12] == ("dil_conv_3x3",)  # of both dilated ones


def test_the_group_of_the_winner_in_stage_2():
    """`none` weighs most and does not count."""
    before = represented(DARTS)
    rows = [[0.0] * 5 for _ in range(28)]
    for place, winner in enumerate((1, 2, 3, 4)):
        rows[place] = [0.6 if k == 0 else 0.3 if k == winner else 0.01 for k in range(5)]
    found = opened(DARTS, before, rows)
    assert found.normal[:4] == (
        ("none", "max_pool_3x3", "avg_pool_3x3"),
        ("none", "skip_connect"),
        ("none", "sep_conv_3x3", "sep_conv_5x5"),
        ("none", "dil_conv_3x3", "dil_conv_5x5"),
    )
    assert opened(S1, represented(S1), [[1.0], [0.4, 0.6], *[[0.5, 0.5]] * 26]).normal[1] == ("dil_conv_5x5",)


def test_a_group_of_one_has_twin_logits_by_hand():
    """Without its twin a skip connection would have half of the weight against `none`, and a member of a group of two a
    third: the edge would win by the size of its group."""
    twins = Twins((("none", "skip_connect"), ("none", "sep_conv_3x3", "sep_conv_5x5")), torch.Generator())
    (logits,) = twins.logits
    assert logits.shape == (2, 3)
    with torch.no_grad():
        logits.copy_(torch.tensor([[1.0, 2.0, 4.0], [1.0, 2.0, 4.0]]).log())
    mix, compared = ([row.tolist() for row in rows] for rows in (twins.mix(), twins.compared()))
    assert mix[0] == pytest.approx([1 / 7, 6 / 7]) and mix[1] == pytest.approx([1 / 7, 2 / 7, 4 / 7])
    assert compared[0] == pytest.approx([1 / 7, 4 / 7]) and compared[1] == mix[1]
    assert sum(mix[0]) == pytest.approx(1)


def test_a_skip_connection_does_not_win_an_edge_by_its_small_group():
    """The second node has a skip connection on its first edge and convolutions, a little better, on the others: these
    are derived. By the sum of the twins it would be the skip connection."""
    cells = opened(DARTS, represented(DARTS), [[0, 0, 1, 0, 0] if p % 14 == 2 else [0, 0, 0, 1, 0] for p in range(28)])
    twins = Twins(cells.normal + cells.reduce, torch.Generator())
    with torch.no_grad():
        for logits in twins.logits:
            logits.zero_()
        twins.logits[0][3:5, 1] = 0.1
    genotype = cells.derive([row.tolist() for row in twins.compared()])
    assert genotype.normal[2:4] == (("sep_conv_3x3", 1), ("sep_conv_3x3", 2))
    assert cells.derive([row.tolist() for row in twins.mix()]).normal[2] == ("skip_connect", 0)


def test_edges_are_ranked_by_softmax_weights_not_by_raw_logits():
    """Where all logits of an edge are large its best candidate says little. The public code would take it."""
    twins = Twins(DARTS.normal + DARTS.reduce, torch.Generator())
    with torch.no_grad():
        twins.logits[0].zero_()
        twins.logits[0][2] = 5.0  # the first edge into the second node: 1/8 each
        twins.logits[0][3:5, 4] = 1.0
    genotype = DARTS.derive([row.tolist() for row in twins.compared()])
    assert {source for _, source in genotype.normal[2:4]} == {1, 2}


def test_one_level_with_one_batch_for_both():
    """Weights and alphas move by one gradient of one training batch; only that of the weights is clipped."""
    run = run_of(epochs=1)
    before = {}
    epochs = run.epochs

    def watched(stages):
        descent = stages.descent
        (logits,) = descent.alphas.logits
        images, labels = run.splits["train"]
        loss = F.cross_entropy(descent.supernet(images, descent.alphas.mix()), labels)
        weights = list(descent.supernet.parameters())
        slopes = torch.autograd.grad(loss, [logits, *weights])
        before.update(descent=descent, alpha=slopes[0], weights=slopes[1:])
        yield from epochs(stages=stages)

    run.epochs = watched
    Stacnas(clip=1e-3, alpha_lr=0.0).search(run)
    descent = before["descent"]
    assert run.seen == ["train"] and "val_loss" not in run.curve[0]
    torch.testing.assert_close(descent.alphas.logits[0].grad, before["alpha"], rtol=1e-3, atol=1e-6)
    norm = float(torch.cat([slope.flatten() for slope in before["weights"]]).norm())
    assert norm > 1e-2
    found = float(torch.cat([w.grad.flatten() for w in descent.supernet.parameters()]).norm())
    assert found == pytest.approx(1e-3, rel=1e-3)


def test_stage_2_is_deeper_and_begins_afresh():
    run, seen = run_of(DartsSpace(), epochs=2), []
    log = run.log

    def watching(**metrics):
        stages = run.state["stages"]
        alphas = stages.descent.alphas.logits
        seen.append((len(stages.descent.supernet.cells), stages.cells.shape, float(alphas[0].detach().abs().max())))
        log(**metrics)

    run.log = watching
    assert run.space.valid(Stacnas(alpha_lr=0.0, alpha_weight_decay=0.0, depths=(1.0, 5 / 3)).search(run))
    assert [cells for cells, *_ in seen] == [3, 5]
    assert seen[0][1] == (5,) * 28 and set(seen[1][1]) <= {2, 3}
    assert all(largest < 0.01 for *_, largest in seen)
    assert [row["stage"] for row in run.curve] == [1, 2] and [row["lr"] for row in run.curve] == [0.025, 0.025]
    restored = run_of(DartsSpace(), epochs=1)
    Stacnas(depths=(1.0, 5 / 3)).search(restored)
    restored.state["stages"].load_state_dict(run.state["stages"].state_dict())
    assert restored.state["stages"].cells == run.state["stages"].cells


class Planted(CellSupernet):
    """Its loss falls with the weight of some operations, in proportion to their worth; images show their labels."""

    worth = {"max_pool_3x3": 1.0, "avg_pool_3x3": 3.0, "sep_conv_5x5": 2.0}

    def forward(self, x, mix):
        names = self.choices.normal + self.choices.reduce
        score = sum(row[k] * self.worth.get(n, 0.0) for row, some in zip(mix, names) for k, n in enumerate(some))
        return F.one_hot(x[:, 0, 0, 0].long(), 3) * (score / 28 + 0.0 * self.classifier.weight.sum())


def test_search_finds_the_planted_operation_behind_its_representative(monkeypatch):
    """Of the representatives max pooling is best; in its group average pooling. The 5x5 convolution, which is better
    than max pooling, is behind one that is worth nothing."""
    run = run_of(DartsSpace(), epochs=20)
    labels = torch.arange(8) % 3
    run.splits["train"] = labels.float()[:, None, None, None].expand(8, 3, 8, 8), labels
    build = run.supernet
    run.supernet = lambda make: build(lambda size: Planted(make(size).choices, size))
    arch = Stacnas(alpha_lr=0.3).search(run)
    genotype = run.space.decode(arch)
    assert {name for name, _ in genotype.normal + genotype.reduce} == {"avg_pool_3x3"}


def test_same_seed_same_architecture_and_global_generator_unused():
    state = torch.get_rng_state()
    runs = [run_of() for _ in range(2)]
    found = [Stacnas(alpha_lr=0.1, depths=(1.0, 1.0)).search(run) for run in runs]
    assert found[0] == found[1] and runs[0].curve == runs[1].curve
    assert torch.equal(state, torch.get_rng_state())


def test_other_spaces_and_orders_are_refused():
    assert Stacnas().unsupported(DartsSpace()) is None
    assert "two cells" in Stacnas().unsupported(Fbnet())
    with pytest.raises(UserError, match="stacnas: order is 2; it has one level"):
        Stacnas(order=2)
    with pytest.raises(UserError, match="stacnas: order is 3"):
        Stacnas(order=3)

"""P-DARTS: what a stage keeps, the limit on skip connections, dropout, schedules, and a search that is cut off."""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch

from methods.p_darts import PDarts
from methods.parts.stages import Stages, narrowed, with_few_skips
from protocols.base import Budget
from spaces.base import Size, UserError
from spaces.darts.choices import CELLS as DARTS
from spaces.darts_s2 import CELLS as S2
from spaces.darts_s2 import DartsS2
from spaces.darts_s3 import DartsS3
from spaces.fbnet.space import Fbnet
from spaces.parts.varied_edges import Dropout, SkipDropoutEdge
from tests.reference.run import TinyRun, random_images

SIZE = Size(2, 3, 3, 8)


def run_of(space=None, epochs=3):
    return TinyRun(space or DartsS3(), SIZE, Budget(epochs, batch=8), random_images(SIZE, 8))


def test_the_heaviest_candidates_go_on_in_their_order():
    row = [0.05, 0.3, 0.01, 0.2, 0.15, 0.1, 0.12, 0.07]
    five = narrowed(DARTS, [row] * 28, 5)
    assert five.normal[0] == ("max_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3")
    assert five.shape == (5,) * 28 and five.edges == DARTS.edges
    three = narrowed(five, [[0.3, 0.1, 0.2, 0.15, 0.25]] * 14 + [[0.1, 0.2, 0.3, 0.15, 0.25]] * 14, 3)
    assert three.normal[5] == ("max_pool_3x3", "sep_conv_3x3", "dil_conv_3x3")
    assert three.reduce[5] == ("skip_connect", "sep_conv_3x3", "dil_conv_3x3")
    assert narrowed(S2, [[0.5, 0.5]] * 28, 3) == S2  # nothing to drop


def skips(genotype):
    return [sum(name == "skip_connect" for name, _ in cell) for cell in (genotype.normal, genotype.reduce)]


def test_the_weakest_skip_connections_of_the_normal_cell_go_first_by_hand():
    """All edges prefer skip connections, the later the less; separable convolutions weigh 0.3 on every edge. So those
    of the last nodes go first, and those of the first node stay. The reduction cell keeps its eight."""
    weights = [0.9 - 0.02 * place for place in range(14)]
    rows = [[weight, 0.3] for weight in weights] * 2
    assert skips(S2.derive(rows)) == [8, 8]
    limited = with_few_skips(S2, rows, 2)
    assert skips(limited) == [2, 8]
    assert limited.normal[:2] == (("skip_connect", 0), ("skip_connect", 1))
    seven = with_few_skips(S2, rows, 7)
    # Of the last node the edges 0 and 1 were derived (0.72, 0.70); without the latter's skip edge 2 (0.68) takes over.
    # That is the weakest again, and so on, until no edge of the node but the first has one.
    assert seven.normal[6] == ("skip_connect", 0) and seven.normal[7][0] == "sep_conv_3x3"
    assert with_few_skips(S2, rows, 8) == S2.derive(rows)
    assert skips(with_few_skips(S2, rows, 0)) == [0, 8]


def test_a_search_keeps_two_skip_connections_and_not_none():
    """The public code goes on to none at all, and saves that cell: here the limit is the end."""
    rows = [[0.9, 0.1]] * 28
    assert skips(with_few_skips(S2, rows, PDarts().skips)) == [2, 8]
    only = replace(S2, normal=(("skip_connect",),) * 14)
    assert skips(with_few_skips(only, [[1.0]] * 14 + rows[14:], 2)) == [8, 8]  # there is nothing else


def test_dropout_is_behind_identities_only_and_keeps_the_mean():
    dropout = Dropout(0.0, torch.Generator().manual_seed(0))
    edges = [SkipDropoutEdge(("skip_connect", "none"), 2, stride, dropout) for stride in (1, 2)]
    x, weights = torch.rand(50, 2, 8, 8) + 1, torch.tensor([1.0, 0.0])
    whole = [edge(x, weights, (0, 1)) for edge in edges]
    assert torch.equal(whole[0], x)
    dropout.rate = 0.75
    factors = edges[0](x, weights, (0, 1)) / x
    assert set(factors.unique().tolist()) == {0.0, 4.0}  # single elements
    assert float(factors.mean()) == pytest.approx(1.0, abs=0.05)
    assert torch.equal(edges[1](x, weights, (0, 1)), whole[1])


def test_stages_of_the_published_search():
    method = PDarts()
    assert [method.cells_in(stage, 8) for stage in range(3)] == [5, 11, 17]
    assert [method.cells_in(stage, 3) for stage in range(3)] == [3, 4, 6]
    assert [method.stage_of(epoch, 75) for epoch in (0, 24, 25, 74)] == [
        (0, 0, 25),
        (0, 24, 25),
        (1, 0, 25),
        (2, 24, 25),
    ]
    fading = [method.fading(epoch, 25) for epoch in (0, 9, 10, 15, 24)]
    assert fading == pytest.approx([24 / 25, 15 / 25, 1.0, math.exp(-1), math.exp(-2.8)])


@pytest.mark.parametrize("epochs", range(1, 12))
def test_stages_cover_a_search_of_any_length(epochs):
    seen = [PDarts().stage_of(epoch, epochs) for epoch in range(epochs)]
    lengths = {stage: length for stage, _, length in seen}
    assert list(lengths) == list(range(min(3, epochs))) and sum(lengths.values()) == epochs
    assert seen == [(stage, at, length) for stage, length in lengths.items() for at in range(length)]


def test_search_goes_through_deeper_stages_with_fewer_candidates():
    run = run_of()
    built, supernet = [], run.supernet

    def watching(build=None):
        built.append(supernet(build))
        return built[-1]

    run.supernet = watching
    arch = PDarts(keep=(3, 2), skips=0).search(run)
    assert [(len(net.cells), set(net.shape)) for net in built] == [(3, {3}), (4, {3}), (6, {2})]
    stages = run.state["stages"]
    assert arch == run.space.encode(with_few_skips(stages.cells, stages.rows(), 0))
    assert [row["stage"] for row in run.curve] == [1, 2, 3]
    assert [row["lr"] for row in run.curve] == [0.025] * 3
    assert [row["dropout"] for row in run.curve] == [0.0, 0.4, 0.7]
    assert len(run.seen) == 6 and set(run.state) == {"stages"}


def test_a_stage_is_restored_whole():
    """From the state of a search's end, into stages at their beginning."""
    run, method = run_of(), PDarts(keep=(2, 2), dropout=(0.0, 0.0, 0.0))
    method.search(run)
    stages, other = run.state["stages"], run_of()
    restored = Stages(DartsS3.cells, partial(method._begin, other, Dropout(0.0, other.generator)))
    restored.load_state_dict(stages.state_dict())
    assert (restored.number, restored.cells) == (2, stages.cells) and set(stages.cells.shape) == {2}
    x = run.splits["val"][0]
    logits = [each.descent.supernet(x, each.descent.alphas.mix()) for each in (stages, restored)]
    assert torch.equal(*logits)
    buffers = [list(each.descent.weights.state.values())[0]["momentum_buffer"] for each in (stages, restored)]
    assert torch.equal(*buffers)


def test_gradients_of_alphas_are_clipped():
    run = run_of()
    descent = PDarts(alpha_clip=1e-3)._begin(run, Dropout(0.0, run.generator), 0, DartsS3.cells)
    descent.epoch(run, lr=0.1)
    norm = torch.cat([p.grad.flatten() for p in descent.alphas.parameters()]).norm()
    assert float(norm) == pytest.approx(1e-3, rel=1e-3)


def test_wrong_fields_and_spaces_are_refused():
    assert PDarts().unsupported(DartsS2()) is None
    assert "two cells" in PDarts().unsupported(Fbnet())
    for wrong in ({"keep": (3, 5)}, {"keep": (5, 1)}, {"dropout": (0.0, 0.5, 1.0)}):
        with pytest.raises(UserError, match="must"):
            PDarts(**wrong)

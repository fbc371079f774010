"""What searches log of their way to a decision: shares and entropies by hand, and in every search by gradients."""

import math

import pytest
import torch

from harness.plan import registry
from methods.parts.collapse import course, shares
from protocols.base import Budget
from spaces.base import Size
from spaces.darts_s2 import DartsS2
from spaces.darts_s3 import DartsS3
from spaces.enas.space import Enas
from spaces.fbnet.space import Fbnet
from spaces.single_path.space import SinglePath
from tests.reference.run import TinyRun, random_images

SIZE = Size(4, 3, 3, 8)
SEARCHES = {  # method -> space; every method that moves architecture parameters by gradients
    **dict.fromkeys(("darts", "darts_minus", "fair_darts", "gdas", "manas", "snas"), "nasbench201"),
    **{"p_darts": "darts_s3", "pc_darts": "darts_s3", "robust_darts": "darts_s3"},
    **{"fbnet": "fbnet", "single_path": "single_path"},
}


def test_shares_by_hand():
    rows = [torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.1, 0.6, 0.3])] * 14
    assert shares(DartsS3().candidates, rows) == {"skip_share": pytest.approx(0.425), "none_share": pytest.approx(0.3)}
    assert shares(DartsS2().candidates, [row[:2] for row in rows]) == {"skip_share": pytest.approx(0.3)}
    assert shares(Enas().candidates, rows) == {}


def test_layers_without_skip_do_not_count():
    """Of single_path's layers the first of each stage has no skip."""
    candidates = SinglePath().candidates
    assert [len(names) for names in candidates] == list(SinglePath().choices)
    mix = [torch.tensor([0.0] * (len(names) - 1) + [0.6 if len(names) == 5 else 1.0]) for names in candidates]
    assert shares(candidates, mix) == {"skip_share": pytest.approx(0.6)}
    assert shares(Fbnet().candidates, [torch.full((9,), 1 / 9)] * 22) == {"skip_share": pytest.approx(1 / 9)}


def test_course_by_hand():
    mix = [torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0])] * 14
    assert course(DartsS2().candidates, mix) == {"alpha_entropy": pytest.approx(math.log(2) / 2), "skip_share": 0.75}
    assert set(course(DartsS2().candidates, mix, "entropy")) == {"entropy", "skip_share"}


@pytest.mark.parametrize("method", SEARCHES)
def test_every_search_by_gradients_logs_its_course(method):
    space = registry.space(SEARCHES[method])
    run = TinyRun(space, SIZE, Budget(1, batch=8), random_images(SIZE, 8))
    registry.method(method, **({"products": 1} if method == "robust_darts" else {})).search(run)
    (row,) = run.curve
    entropy = row["alpha_entropy"] if "alpha_entropy" in row else row["entropy"]
    assert 0 <= entropy <= math.log(max(map(len, space.candidates))) + 1e-6
    assert 0 <= row["skip_share"] <= 1
    assert ("none_share" in row) == any("none" in names for names in space.candidates)

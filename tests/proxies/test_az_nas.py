"""AZ-NAS' terms by a second implementation in numpy, the sum of log ranks by hand, and a search that ranks by it."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from proxies.base import rank_sums
from proxies.parts.blocks import block_features, blocks, entropy
from spaces.parts.entries import entry_class
from tests.methods.planted import asked, table
from tests.proxies.test_proxies import CUT, batch, network, score

SKIP = "|skip_connect~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"  # each cell passes its input on


def test_blocks_are_the_cells():
    of = network()
    assert [type(block).__name__ for block in blocks(of)] == ["Cell", "Reduction", "Cell", "Reduction", "Cell"]
    shapes = [tuple(feature.shape) for feature in block_features(of, batch()[0])]
    assert shapes == [(16, 4, 8, 8), (16, 8, 4, 4), (16, 8, 4, 4), (16, 16, 2, 2), (16, 16, 2, 2)]


def test_entropy_by_numpy():
    feature = (
        torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 2, 3])[:, None, None]
    )
    values = np.linalg.eigvalsh(np.cov(feature.permute(1, 0, 2, 3).flatten(1).numpy(), bias=True))
    shares = values / values.sum()
    assert entropy(feature) == pytest.approx(-(shares * np.log(shares)).sum(), rel=1e-5)
    assert entropy(torch.ones(5, 3, 4, 4)) == 0
    same = torch.randn(5, 1, 4, 4, generator=torch.Generator().manual_seed(0)).expand(-1, 3, -1, -1)
    assert entropy(same) == pytest.approx(0, abs=1e-6)  # one direction


def test_expressivity_and_progressivity_follow_from_the_entropies():
    of = network()
    with torch.no_grad():
        entropies = [entropy(feature) for feature in block_features(of, batch()[0])]
    assert score("az_expressivity", of) == pytest.approx(sum(entropies))
    assert score("az_progressivity", of) == pytest.approx(np.diff(entropies).min())


class Scaled(torch.nn.Module):
    """Three blocks, each of which multiplies by a factor: the correlation of signs with their gradients is that."""

    def __init__(self, factor):
        super().__init__()
        self.blocks = torch.nn.ModuleList(torch.nn.Conv2d(2, 2, 1, bias=False) for _ in range(3))
        for block in self.blocks:
            block.weight.data = factor * torch.eye(2)[:, :, None, None]

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x.mean((2, 3))


def test_trainability_is_best_where_gradients_keep_their_size():
    images = torch.randn(64, 2, 16, 16, generator=torch.Generator().manual_seed(0))
    for factor in (0.5, 2.0):
        found = score("az_trainability", Scaled(factor), (images, None))
        assert found == pytest.approx(2 - factor - 1 / factor, abs=0.03)
    assert score("az_trainability", Scaled(1.1), (images, None)) > -0.03


def test_trainability_where_maps_shrink_and_where_nothing_changes():
    assert -10 < score("az_trainability", network()) < 0
    odd = torch.randn(8, 3, 7, 7, generator=torch.Generator().manual_seed(1)), torch.arange(8) % 4
    assert math.isfinite(score("az_trainability", network(), odd))
    assert score("az_trainability", network(SKIP)) == -math.inf
    assert score("az_trainability", network(CUT)) < score("az_trainability", network())


def test_sums_of_log_ranks():
    generator = np.random.default_rng(0)
    columns = generator.integers(0, 6, (3, 9)).astype(float)
    np.testing.assert_allclose(rank_sums(columns.tolist()), np.log([rankdata(c) / 9 for c in columns]).sum(0))
    assert rank_sums([[3.0, 1.0, 2.0]]) == pytest.approx(np.log([1, 1 / 3, 2 / 3]))
    assert rank_sums([[math.nan, -5.0]]) == pytest.approx([math.log(0.5), 0])


def test_a_single_network_has_no_score_and_its_terms_have():
    proxy = entry_class("proxies", "az_nas")
    assert math.isnan(score("az_nas", network()))
    assert all(math.isfinite(score(term, network())) for term in proxy.terms)


def test_a_search_ranks_a_pool_by_all_terms(tmp_path, monkeypatch):
    """On a table that knows two of its terms: the order is that of the sum of log ranks."""
    monkeypatch.setattr(entry_class("proxies", "az_nas"), "terms", ("synflow", "snip"))
    run = table(tmp_path, (4, 4, 4), lambda arch, _: 0.5, cost="proxy_synflow")
    made = run("random_search", evaluations=8, warmup={"proxy": "az_nas", "pool": 200})
    measure = made._measure.score
    scores = {"synflow": lambda arch: 1 + sum(arch), "snip": lambda arch: abs(arch[0] - 1.2) + arch[1] / 10}
    monkeypatch.setattr(type(made._measure), "score", lambda self, proxy, arch: float(scores[proxy](arch)))
    assert measure("synflow", (1, 2, 3)) == 7
    made.method.search(made)
    archs = [arch for arch, _ in asked(made)]
    pool = [(a, b, c) for a in range(4) for b in range(4) for c in range(4)]  # 200 draws hold nearly all of them
    sums = dict(zip(pool, rank_sums([[scores[one](arch) for arch in pool] for one in scores])))
    best_first = sorted(pool, key=sums.__getitem__, reverse=True)
    assert set(archs) <= set(best_first[:12]) and archs[0] in best_first[:2]
    with pytest.raises(RuntimeError, match="does not name"):
        made.score("grad_norm", archs[0])

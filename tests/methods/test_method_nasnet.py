"""The NASNet-style controller: probabilities by enumeration, both objectives by hand, a planted optimum."""

import itertools

import pytest
import torch

from harness.running import search_run
from methods.parts.writer import Writer, objective
from tests.methods.planted import table

CHOICES = (3, 2, 4)
EVERYTHING = list(itertools.product(*map(range, CHOICES)))


@pytest.fixture
def writer():
    made = Writer(CHOICES, 8, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(20)  # away from uniform
    return made


def test_probabilities_are_of_all_architectures(writer):
    log_p, entropy = writer(EVERYTHING)
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert -(log_p.exp() * log_p).sum().item() == pytest.approx((log_p.exp() * entropy).sum().item(), rel=1e-4)


def test_samples_follow_them(writer):
    drawn = writer.sample(8000, torch.Generator().manual_seed(1))
    shares = torch.tensor([drawn.count(arch) / 8000 for arch in EVERYTHING])
    torch.testing.assert_close(shares, writer(EVERYTHING)[0].exp().detach(), atol=0.02, rtol=0)


def test_objectives_by_hand():
    before, advantages = torch.tensor([0.5, 0.5, 0.5, 0.5]).log(), torch.tensor([1.0, 1.0, -1.0, -1.0])
    now = torch.tensor([0.9, 0.3, 0.9, 0.3]).log().requires_grad_()
    # ratios 1.8, 0.6: a gain above 1.2 counts no further, a loss below 0.8 neither
    assert objective(now, before, advantages, 0.2).item() == pytest.approx((1.2 + 0.6 - 1.8 - 0.8) / 4)
    objective(now, before, advantages, 0.2).backward()
    assert now.grad.tolist() == pytest.approx([0, 0.6 / 4, -1.8 / 4, 0])  # clipped ones do not pull
    assert objective(now, before, advantages, None).item() == pytest.approx((now * advantages).mean().item())


@pytest.mark.parametrize("update", ["ppo", "reinforce"])
def test_it_finds_a_planted_optimum(update, tmp_path, monkeypatch):
    """One of 1,024 architectures, with 120 evaluations, in 4 or more of 8 searches: random search would in 9 of 1,000.

    Bits of the controller depend on the processor, so which of the searches miss it does too."""
    monkeypatch.setattr(search_run, "IDLE", 50)  # a controller that has decided asks nothing new
    run = table(tmp_path, (4,) * 5, lambda arch, _: 0.1 + sum(option == 2 for option in arch) / 6)
    searches = [run("nasnet", seed, evaluations=120, update=update, lr=0.005, batch=10) for seed in range(8)]
    assert sum(made.method.search(made) == (2,) * 5 for made in searches) >= 4

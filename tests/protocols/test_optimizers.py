"""Our optimizers equal those of torch.optim, without roots bit for bit, also after their state was saved and loaded."""

import pytest
import torch

from protocols.parts import optimizers as ours

CASES = [
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 3e-4}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.1}),
    ("Adam", {"lr": 3e-3, "betas": (0.5, 0.999), "weight_decay": 1e-3}),
    ("RMSprop", {"lr": 1e-2, "alpha": 0.9, "momentum": 0.9, "eps": 1e-3, "weight_decay": 1e-5}),
]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_equals_torch(name, options):
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(4, 3, generator=generator), torch.randn(5, generator=generator), torch.randn(2)]
    mine, theirs = ([p.clone().requires_grad_() for p in start] for _ in range(2))
    optimizer, reference = getattr(ours, name)(mine, **options), getattr(torch.optim, name)(theirs, **options)
    for step in range(5):
        for p, q in zip(mine[:2], theirs[:2]):  # the third parameter never gets a gradient
            p.grad = torch.randn(p.shape, generator=generator)
            q.grad = p.grad.clone()
        if step == 3:
            saved = optimizer.state_dict()
            optimizer = getattr(ours, name)(mine, **options)
            optimizer.load_state_dict(saved)
        optimizer.step()
        reference.step()
    for p, q in zip(mine, theirs):
        torch.testing.assert_close(p, q, rtol=0 if name == "SGD" else 1e-5, atol=0 if name == "SGD" else 1e-6)
    optimizer.zero_grad()
    assert all(p.grad is None for p in mine)

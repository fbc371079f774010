"""A recurrent network that writes architectures of any space, decision by decision."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from spaces.base import Arch

RANGE = 0.1
"""Weights start uniformly between minus this and this."""


class Writer(nn.Module):
    """A distribution over architectures of `choices`: an LSTM reads the embedding of what was decided before, and a
    layer of each decision gives the logits of its options."""

    def __init__(self, choices: Sequence[int], units: int, generator: torch.Generator):
        super().__init__()
        self.units = units
        self.cell = nn.utils.skip_init(nn.LSTMCell, units, units)
        self.start = nn.Parameter(torch.empty(1, units))
        self.read = nn.ParameterList(torch.empty(options, units) for options in choices)
        self.heads = nn.ParameterList(torch.empty(options, units) for options in choices)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-RANGE, RANGE, generator=generator)

    def forward(self, archs: Sequence[Arch]) -> tuple[Tensor, Tensor]:
        """(log-probabilities, entropies) of architectures, each (architectures,), in nats, with gradient."""
        given = iter(torch.tensor(archs).T)
        _, log_p, entropy = self._write(len(archs), lambda _: next(given))
        return log_p, entropy

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> list[Arch]:
        """`count` architectures."""
        taken, _, _ = self._write(count, lambda log_p: torch.multinomial(log_p.exp(), 1, generator=generator)[:, 0])
        return [tuple(arch) for arch in taken.tolist()]

    def _write(self, count: int, take: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """take: log-probabilities (architectures, options) -> options (architectures,)."""
        x, state = self.start.expand(count, -1), None
        taken, log_ps, entropies = [], [], []
        for read, head in zip(self.read, self.heads):
            state = self.cell(x, state)
            log_p = (state[0] @ head.T).log_softmax(1)
            options = take(log_p)
            taken.append(options)
            log_ps.append(log_p.gather(1, options[:, None])[:, 0])
            entropies.append(-(log_p.exp() * log_p).sum(1))
            x = read[options]
        return torch.stack(taken, 1), torch.stack(log_ps).sum(0), torch.stack(entropies).sum(0)


def objective(now: Tensor, before: Tensor, advantages: Tensor, clip: float | None) -> Tensor:
    """What is maximised; all are (architectures,). With `clip` PPO's mean of min(r A, clamp(r, 1 - clip, 1 + clip) A),
    where r = exp(now - before) is the ratio of probabilities; else REINFORCE's mean of log p A."""
    if clip is None:
        return (now * advantages).mean()
    ratio = (now - before).exp()
    return torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()

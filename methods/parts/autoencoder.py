"""NAO's model: architectures become points of a continuous space, and points accuracies and architectures again."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from protocols.parts.optimizers import Adam
from spaces.base import Arch

EMBEDDING, UNITS, DROPOUT = 32, 64, 0.1
LR, BATCH, CLIP = 1e-3, 100, 5.0


class Autoencoder(nn.Module):
    """An LSTM reads an architecture, one decision after another; its outputs are the point, and their mean gives the
    predicted accuracy. Another LSTM, which attends to the point, writes an architecture. Weights are drawn from torch's
    global generator."""

    def __init__(self, choices: Sequence[int]):
        super().__init__()
        starts = torch.tensor([0, *choices[:-1]]).cumsum(0)
        tokens = torch.arange(sum(choices))
        mine = (tokens >= starts[:, None]) & (tokens < (starts + torch.tensor(choices))[:, None])
        self.starts, self.others = starts, ~mine  # (decisions,), (decisions, tokens): options of other decisions
        self.read = nn.Embedding(sum(choices), EMBEDDING)
        self.reader = nn.LSTM(EMBEDDING, UNITS, batch_first=True)
        self.predictor = nn.Linear(UNITS, 1)
        self.written = nn.Embedding(sum(choices) + 1, EMBEDDING)  # the last one is the start
        self.writer = nn.LSTM(EMBEDDING, UNITS, batch_first=True)
        self.attended = nn.Linear(2 * UNITS, UNITS)
        self.token = nn.Linear(UNITS, sum(choices))

    def tokens(self, archs: Sequence[Arch]) -> Tensor:
        """(architectures, decisions)."""
        return torch.tensor(archs) + self.starts

    def encode(self, tokens: Tensor) -> Tensor:
        """Points (architectures, decisions, UNITS), of length 1 at each decision."""
        embedded = functional.dropout(self.read(tokens), DROPOUT, self.training)
        return functional.normalize(self.reader(embedded)[0], dim=-1)

    def predict(self, points: Tensor) -> Tensor:
        """Accuracies (architectures,), scaled to 0 to 1."""
        return self.predictor(_mean(points)).sigmoid()[:, 0]

    def write(self, points: Tensor, tokens: Tensor) -> Tensor:
        """Log-probabilities (architectures, decisions, tokens), each behind the given tokens before it."""
        start = torch.full_like(tokens[:, :1], len(self.others[0]))
        mean = _mean(points)[None]
        out, _ = self.writer(self.written(torch.cat([start, tokens[:, :-1]], 1)), (mean, mean))
        return self._log_p(out, points).masked_fill(self.others, -torch.inf).log_softmax(-1)

    def _log_p(self, out: Tensor, points: Tensor) -> Tensor:
        """Not normalised, from the writer's outputs and what they attend to."""
        context = (out @ points.transpose(1, 2)).softmax(-1) @ points
        return self.token(self.attended(torch.cat([context, out], -1)).tanh())

    def decode(self, points: Tensor) -> Tensor:
        """Tokens (architectures, decisions): the likeliest, one after another."""
        mean = _mean(points)[None]
        state, tokens = (mean, mean), [torch.full((len(points),), len(self.others[0]))]
        for others in self.others:
            out, state = self.writer(self.written(tokens[-1])[:, None], state)
            tokens.append(self._log_p(out, points)[:, 0].masked_fill(others, -torch.inf).argmax(-1))
        return torch.stack(tokens[1:], 1)

    def fit(self, archs: Sequence[Arch], values: Sequence[float], epochs: int, trade_off: float) -> None:
        """`trade_off`: the weight of the squared error of the accuracy; the rest is that of the reconstruction."""
        tokens, accuracies = self.tokens(archs), torch.tensor(values)
        spread = accuracies.max() - accuracies.min()
        targets = (accuracies - accuracies.min()) / spread if spread else torch.full_like(accuracies, 0.5)
        optimizer = Adam(self.parameters(), LR)
        self.train()
        for _ in range(epochs):
            for chosen in torch.randperm(len(archs)).split(BATCH):
                points = self.encode(tokens[chosen])
                log_p = self.write(points, tokens[chosen])
                rebuilt = -log_p.gather(-1, tokens[chosen][..., None]).mean()
                error = functional.mse_loss(self.predict(points), targets[chosen])
                optimizer.zero_grad()
                (trade_off * error + (1 - trade_off) * rebuilt).backward()
                optimizer.clip(CLIP)
                optimizer.step()
        self.eval()

    def moved(self, archs: Sequence[Arch], step: float) -> list[Arch]:
        """What stands where each architecture's point is after a step along the gradient of the predicted accuracy."""
        points = self.encode(self.tokens(archs)).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.predict(points).sum(), points)
        with torch.no_grad():
            written = self.decode(functional.normalize(points + step * gradient, dim=-1))
        return [tuple(arch) for arch in (written - self.starts).tolist()]


def _mean(points: Tensor) -> Tensor:
    return functional.normalize(points.mean(1), dim=-1)

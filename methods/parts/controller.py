"""ENAS' policy: a recurrent network that writes architectures decision by decision, and how it learns.

Pham et al., "Efficient Neural Architecture Search via Parameter Sharing", ICML 2018, sections 2.2 and 2.4. One LSTM
writes both cells: it starts the reduction cell with the state in which the normal cell ended. An architecture lists a
block as (input, operation, input, operation); the LSTM writes input, input, operation, operation. An input is chosen by
attention over the LSTM's outputs at the ends of earlier blocks, an operation by a linear layer (melodyguan/enas,
src/cifar10/micro_controller.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn

from protocols.parts.optimizers import Adam
from spaces.base import Arch

LstmState = tuple[Tensor, Tensor]
"""The LSTM's output and its memory, each (architectures, units)."""

ORDER = (0, 2, 1, 3)
"""Positions in a block's (input, operation, input, operation) of the four decisions, in the order they are made."""

CLOSED = -1e9
"""What is added to the logit of an operation that must not be drawn. Not infinite, which would make entropies nan."""


class Controller(nn.Module):
    """A distribution over architectures of `2 * blocks * 4` decisions.

    A decision's probabilities are the softmax of `tanh * tanh(logits / temperature)`, for operations divided by
    `op_tanh_reduce`, so that no probability comes near 0; without `tanh`, of `logits / temperature`. `prior` adds the
    authors' preference for the first two operations, the convolutions: a trainable bias that starts at 10, and a
    constant of +-0.25 in the normal cell.
    Initial weights are drawn uniformly from -0.1 to 0.1.
    """

    def __init__(
        self,
        blocks: int,
        operations: int,
        units: int = 64,
        temperature: float = 5.0,
        tanh: float | None = 2.5,
        op_tanh_reduce: float = 2.5,
        prior: bool = False,
        *,
        generator: torch.Generator,
    ):
        super().__init__()
        self.blocks, self.temperature, self.tanh, self.op_tanh_reduce = blocks, temperature, tanh, op_tanh_reduce

        def uniform(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.rand(shape, generator=generator) * 0.2 - 0.1)

        with torch.random.fork_rng(devices=[]):  # LSTMCell draws weights, which are replaced
            self.lstm = nn.LSTMCell(units, units, bias=False)
        self.lstm.weight_ih, self.lstm.weight_hh = uniform(4 * units, units), uniform(4 * units, units)
        self.start = uniform(units)
        self.embedding = uniform(operations, units)
        self.to_operation = uniform(units, operations)
        likes = torch.tensor([k < 2 for k in range(operations)])
        self.bias = nn.Parameter(torch.where(likes, 10.0, 0.0) if prior else torch.zeros(operations))
        self.register_buffer("constant", torch.where(likes, 0.25, -0.25) * float(prior), persistent=False)
        self.register_buffer("closed", torch.zeros(operations), persistent=False)
        self.key, self.query, self.value = uniform(units, units), uniform(units, units), uniform(units)

    def open_only(self, operations: Sequence[int]) -> None:
        """From now on all operations but these have the probability 0."""
        self.closed.fill_(CLOSED)
        self.closed[list(operations)] = 0.0

    def sample(self, count: int, generator: torch.Generator) -> list[Arch]:
        """`count` architectures, written in parallel, without gradients."""
        with torch.no_grad():
            return self.draw(count, generator)[0]

    def draw(self, count: int, generator: torch.Generator) -> tuple[list[Arch], Tensor, Tensor]:
        """`count` sampled architectures with their log-probabilities and entropies, both as in `score`."""
        trace = Trace(lambda logs: torch.multinomial(logs.exp(), 1, generator=generator))
        self._write(count, trace)
        written = torch.cat(trace.taken, 1).unflatten(1, (-1, 4))
        return [tuple(arch) for arch in written[:, :, ORDER].flatten(1).tolist()], *trace.sums()

    def score(self, archs: Sequence[Arch]) -> tuple[Tensor, Tensor]:
        """(log-probabilities, entropies) of architectures, each (architectures,), in nats, with gradient.

        The entropy of an architecture is the sum, over its decisions, of the entropy of the distribution from which the
        decision was drawn. Its expectation is the entropy of the whole policy.
        """
        written = torch.tensor(archs).unflatten(1, (-1, 4))[:, :, ORDER].flatten(1)
        decisions = iter(written.split(1, 1))
        trace = Trace(lambda logs: next(decisions))
        self._write(len(archs), trace)
        return trace.sums()

    def _write(self, count: int, trace: Trace) -> None:
        """Makes all decisions of `count` architectures and records them in `trace`."""
        zeros = torch.zeros(count, self.start.numel(), dtype=self.start.dtype)
        state = zeros, zeros
        for constant in (self.constant, torch.zeros_like(self.constant)):
            state = self._write_cell(state, trace, constant)

    def _write_cell(self, state: LstmState, trace: Trace, constant: Tensor) -> LstmState:
        """Writes one cell, and returns the state in which it ended. constant: added to the logits of operations."""
        start = self.start.expand(len(state[0]), -1)
        rows = torch.arange(len(start))
        # For each input that a block can read, cell inputs first: what the LSTM gets where it is chosen (anchors), and
        # what attention compares (keys). Both are (architectures, inputs, units).
        anchors = torch.zeros(len(start), 2, start.shape[1], dtype=start.dtype)
        keys = anchors[:, :0]
        for _ in range(2):
            state = self.lstm(start, state)
            keys = torch.cat([keys, (state[0] @ self.key)[:, None]], 1)
        for _ in range(self.blocks):
            x = start
            for _ in range(2):
                state = self.lstm(x, state)
                scores = (keys + (state[0] @ self.query)[:, None]).tanh() @ self.value
                x = anchors[rows, trace.decide(self._logits(scores, 1.0))]
            for _ in range(2):
                state = self.lstm(x, state)
                logits = self._logits(state[0] @ self.to_operation + self.bias, self.op_tanh_reduce)
                x = self.embedding[trace.decide(logits + constant + self.closed)]
            state = self.lstm(x, state)
            anchors = torch.cat([anchors, state[0][:, None]], 1)
            keys = torch.cat([keys, (state[0] @ self.key)[:, None]], 1)
        return state

    def _logits(self, scores: Tensor, reduce: float) -> Tensor:
        scores = scores / self.temperature
        return scores if self.tanh is None else self.tanh / reduce * scores.tanh()


class Trace:
    """The decisions of several architectures, made in parallel: the options taken, their log-probabilities, and the
    entropies of the distributions they were taken from."""

    def __init__(self, take: Callable[[Tensor], Tensor]):
        """take: log-probabilities (architectures, options) -> options (architectures, 1)."""
        self.take = take
        self.taken: list[Tensor] = []
        self.log_probabilities: list[Tensor] = []
        self.entropies: list[Tensor] = []

    def decide(self, logits: Tensor) -> Tensor:
        """Makes one decision from logits (architectures, options); returns the options taken, (architectures,)."""
        logs = logits.log_softmax(1)
        self.taken.append(self.take(logs))
        self.log_probabilities.append(logs.gather(1, self.taken[-1]))
        self.entropies.append((logs.exp() * -logs).sum(1, keepdim=True))
        return self.taken[-1][:, 0]

    def sums(self) -> tuple[Tensor, Tensor]:
        """(log-probability, entropy) of each architecture, both (architectures,)."""
        return torch.cat(self.log_probabilities, 1).sum(1), torch.cat(self.entropies, 1).sum(1)


class Reinforce:
    """REINFORCE with a moving average of the rewards as baseline. `baseline` is None before the first update."""

    def __init__(
        self,
        controller: Controller,
        lr: float,
        decay: float,
        entropy_weight: float,
        *,
        betas: tuple[float, float] = (0.0, 0.999),
        eps: float = 1e-3,
        weight_decay: float = 0.0,
        entropy_in_loss: bool = False,
        clip: float | None = None,
    ):
        """betas, eps, weight_decay: of Adam; by default those of the authors' code (src/utils.py). entropy_in_loss:
        whether the policy learns from its entropy by gradient; otherwise it is a part of the reward. clip: the largest
        norm of the gradients, if any."""
        self.controller, self.decay, self.entropy_weight = controller, decay, entropy_weight
        self.optimizer = Adam(controller.parameters(), lr, betas, eps, weight_decay)
        self.entropy_in_loss, self.clip = entropy_in_loss, clip
        self.baseline: float | None = None

    def learn(self, count: int, accuracy: Callable[[Arch], float], generator: torch.Generator) -> dict[str, float]:
        """One update from `count` sampled architectures, whose reward is their accuracy, plus `entropy_weight` times
        their entropy unless that is in the loss. Returns the means of accuracy, reward and entropy."""
        archs, log_probability, entropy = self.controller.draw(count, generator)
        entropies = entropy.tolist()
        accuracies = [accuracy(arch) for arch in archs]
        bonus = 0.0 if self.entropy_in_loss else self.entropy_weight
        rewards = [right + bonus * each for right, each in zip(accuracies, entropies)]
        loss = surrogate(log_probability, self._advantages(rewards))
        if self.entropy_in_loss:
            loss = loss - self.entropy_weight * entropy.mean()
        self.optimizer.zero_grad()
        loss.backward()
        if self.clip is not None:
            self.optimizer.clip(self.clip)
        self.optimizer.step()
        return {"val_accuracy": fmean(accuracies), "reward": fmean(rewards), "entropy": fmean(entropies)}

    def _advantages(self, rewards: list[float]) -> list[float]:
        """Rewards minus the baseline, which each reward moves before it is compared."""
        advantages = []
        for reward in rewards:
            self.baseline = reward if self.baseline is None else self.baseline
            self.baseline += (1 - self.decay) * (reward - self.baseline)
            advantages.append(reward - self.baseline)
        return advantages

    def state_dict(self) -> dict[str, Any]:
        return {
            "controller": self.controller.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "baseline": self.baseline,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.controller.load_state_dict(state["controller"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.baseline = state["baseline"]


def surrogate(log_probability: Tensor, advantages: Sequence[float]) -> Tensor:
    """A loss whose gradient estimates that of minus the expected reward (Williams, 1992): the mean over architectures
    of -log-probability * advantage. log_probability: (architectures,), with gradient."""
    return -(log_probability * torch.tensor(advantages, dtype=log_probability.dtype)).mean()

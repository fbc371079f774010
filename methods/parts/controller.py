"""ENAS' policy: a recurrent network that writes architectures of two cells, decision by decision, and its learning.

Pham et al., "Efficient Neural Architecture Search via Parameter Sharing", ICML 2018, sections 2.2 and 2.4. One LSTM
for both cells: the reduction cell goes on from the normal cell's state. A block is read (input, operation,
input, operation) but written input, input, operation, operation. An input is chosen by attention over the states at
which earlier blocks ended, an operation by a linear layer (melodyguan/enas, src/cifar10/micro_controller.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn

from protocols.parts.optimizers import Adam
from spaces.base import Arch

State = tuple[Tensor, Tensor]
"""Output and cell of the LSTM, each (architectures, units)."""

ORDER = (0, 2, 1, 3)
"""Where in a block's (input, operation, input, operation) the four decisions stand, in the order they are made."""


class Controller(nn.Module):
    """A distribution over architectures of `2 * blocks * 4` decisions.

    Logits are `tanh * tanh(logits / temperature)`, those of operations smaller by `op_tanh_reduce`, so that no
    probability comes near 0. `prior` adds the authors' preference for the first two operations, the convolutions: a
    trainable bias that starts at 10 and a constant +-0.25 in the normal cell.
    """

    def __init__(
        self,
        blocks: int,
        operations: int,
        units: int = 64,
        temperature: float = 5.0,
        tanh: float = 2.5,
        op_tanh_reduce: float = 2.5,
        prior: bool = False,
        *,
        generator: torch.Generator,
    ):
        super().__init__()
        self.blocks, self.temperature, self.tanh, self.op_tanh_reduce = blocks, temperature, tanh, op_tanh_reduce

        def uniform(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.rand(shape, generator=generator) * 0.2 - 0.1)

        with torch.random.fork_rng(devices=[]):  # the cell draws its own weights, which are replaced
            self.lstm = nn.LSTMCell(units, units, bias=False)
        self.lstm.weight_ih, self.lstm.weight_hh = uniform(4 * units, units), uniform(4 * units, units)
        self.start = uniform(units)
        self.embedding = uniform(operations, units)
        self.to_operation = uniform(units, operations)
        likes = torch.tensor([k < 2 for k in range(operations)])
        self.bias = nn.Parameter(torch.where(likes, 10.0, 0.0) if prior else torch.zeros(operations))
        self.register_buffer("constant", torch.where(likes, 0.25, -0.25) * float(prior), persistent=False)
        self.key, self.query, self.value = uniform(units, units), uniform(units, units), uniform(units)

    def sample(self, count: int, generator: torch.Generator) -> list[Arch]:
        """`count` architectures, written side by side."""
        with torch.no_grad():
            return self.draw(count, generator)[0]

    def draw(self, count: int, generator: torch.Generator) -> tuple[list[Arch], Tensor, Tensor]:
        """(architectures, their log-probabilities, their entropies), the latter as `score` gives them."""
        trace = Trace(lambda logs: torch.multinomial(logs.exp(), 1, generator=generator))
        self._write(count, trace)
        written = torch.cat(trace.taken, 1).unflatten(1, (-1, 4))
        return [tuple(arch) for arch in written[:, :, ORDER].flatten(1).tolist()], *trace.sums()

    def score(self, archs: Sequence[Arch]) -> tuple[Tensor, Tensor]:
        """(log-probability, entropy) of each architecture, in nats, the former with gradient.

        The entropy is the sum over its decisions of the entropy of the distribution it was drawn from: in expectation,
        that of the whole policy.
        """
        written = torch.tensor(archs).unflatten(1, (-1, 4))[:, :, ORDER].flatten(1)
        decisions = iter(written.split(1, 1))
        trace = Trace(lambda logs: next(decisions))
        self._write(len(archs), trace)
        return trace.sums()

    def _write(self, count: int, trace: Trace) -> None:
        zeros = torch.zeros(count, self.start.numel(), dtype=self.start.dtype)
        state = zeros, zeros
        for constant in (self.constant, torch.zeros_like(self.constant)):
            state = self._write_cell(state, trace, constant)

    def _write_cell(self, state: State, trace: Trace, constant: Tensor) -> State:
        start = self.start.expand(len(state[0]), -1)
        rows = torch.arange(len(start))
        anchors = torch.zeros(len(start), 2, start.shape[1], dtype=start.dtype)  # the states of the cell, as inputs,
        keys = anchors[:, :0]  # and as attention compares them: (architectures, states, units)
        for _ in range(2):
            state = self.lstm(start, state)
            keys = torch.cat([keys, (state[0] @ self.key)[:, None]], 1)
        for _ in range(self.blocks):
            x = start
            for _ in range(2):
                state = self.lstm(x, state)
                scores = (keys + (state[0] @ self.query)[:, None]).tanh() @ self.value
                x = anchors[rows, trace.decide(self.tanh * (scores / self.temperature).tanh())]
            for _ in range(2):
                state = self.lstm(x, state)
                scores = (state[0] @ self.to_operation + self.bias) / self.temperature
                x = self.embedding[trace.decide(self.tanh / self.op_tanh_reduce * scores.tanh() + constant)]
            state = self.lstm(x, state)
            anchors = torch.cat([anchors, state[0][:, None]], 1)
            keys = torch.cat([keys, (state[0] @ self.key)[:, None]], 1)
        return state


class Trace:
    """Decisions of several architectures side by side: what was taken, how likely it was, how open each was."""

    def __init__(self, take: Callable[[Tensor], Tensor]):
        self.take = take  # log-probabilities (architectures, options) -> options (architectures, 1)
        self.taken: list[Tensor] = []
        self.log_probabilities: list[Tensor] = []
        self.entropies: list[Tensor] = []

    def decide(self, logits: Tensor) -> Tensor:
        logs = logits.log_softmax(1)
        self.taken.append(self.take(logs))
        self.log_probabilities.append(logs.gather(1, self.taken[-1]))
        self.entropies.append((logs.exp() * -logs).detach().sum(1, keepdim=True))
        return self.taken[-1][:, 0]

    def sums(self) -> tuple[Tensor, Tensor]:
        return torch.cat(self.log_probabilities, 1).sum(1), torch.cat(self.entropies, 1).sum(1)


class Reinforce:
    """REINFORCE with a moving average of rewards as baseline, and the optimizer of the authors' code (src/utils.py)."""

    def __init__(self, controller: Controller, lr: float, decay: float, entropy_weight: float):
        self.controller, self.decay, self.entropy_weight = controller, decay, entropy_weight
        self.optimizer = Adam(controller.parameters(), lr, betas=(0.0, 0.999), eps=1e-3)
        self.baseline: float | None = None

    def learn(self, count: int, accuracy: Callable[[Arch], float], generator: torch.Generator) -> dict[str, float]:
        """One update from `count` sampled architectures; gives the means of their accuracies, rewards and entropies."""
        archs, log_probability, entropy = self.controller.draw(count, generator)
        entropies = entropy.tolist()
        accuracies = [accuracy(arch) for arch in archs]
        rewards = [right + self.entropy_weight * bonus for right, bonus in zip(accuracies, entropies)]
        self.optimizer.zero_grad()
        surrogate(log_probability, self._advantages(rewards)).backward()
        self.optimizer.step()
        return {"val_accuracy": fmean(accuracies), "reward": fmean(rewards), "entropy": fmean(entropies)}

    def _advantages(self, rewards: list[float]) -> list[float]:
        advantages = []
        for reward in rewards:  # the baseline moves before it is used, reward by reward
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
    """A loss whose gradient estimates that of minus the expected reward (Williams, 1992). Advantages are constants."""
    return -(log_probability * torch.tensor(advantages, dtype=log_probability.dtype)).mean()

"""ENAS' policy: a recurrent network that writes architectures of two cells, decision by decision, and its learning.

Pham et al., "Efficient Neural Architecture Search via Parameter Sharing", ICML 2018, sections 2.2 and 2.4. One LSTM
for both cells: the reduction cell goes on from the normal cell's state. A block is read (input, operation,
input, operation) but written input, input, operation, operation. An input is chosen by attention over the states at
which earlier blocks ended, an operation by a linear layer (melodyguan/enas, src/cifar10/micro_controller.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from spaces.base import Arch

Decide = Callable[[Tensor], Tensor]
"""Takes the logits (architectures, options) of the next decision, gives the options taken (architectures,)."""

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

        self.gates = uniform(2 * units, 4 * units)
        self.start = uniform(units)
        self.embedding = uniform(operations, units)
        self.to_operation = uniform(units, operations)
        likes = torch.tensor([k < 2 for k in range(operations)])
        self.bias = nn.Parameter(torch.where(likes, 10.0, 0.0) if prior else torch.zeros(operations))
        self.register_buffer("constant", torch.where(likes, 0.25, -0.25) * float(prior), persistent=False)
        self.key, self.query, self.value = uniform(units, units), uniform(units, units), uniform(units)

    def sample(self, count: int, generator: torch.Generator) -> list[Arch]:
        """`count` architectures, written side by side."""
        taken: list[Tensor] = []

        def draw(logits: Tensor) -> Tensor:
            taken.append(torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0])
            return taken[-1]

        with torch.no_grad():
            self._write(count, draw)
        written = torch.stack(taken, 1).unflatten(1, (-1, 4))
        return [tuple(arch) for arch in written[:, :, ORDER].flatten(1).tolist()]

    def score(self, archs: Sequence[Arch]) -> tuple[Tensor, Tensor]:
        """(log-probability, entropy) of each architecture, in nats, with gradient. The entropy is the sum over its
        decisions of the entropy of the distribution it was drawn from: in expectation, that of the whole policy."""
        written = torch.tensor(archs).unflatten(1, (-1, 4))[:, :, ORDER].flatten(1)
        decisions = iter(written.unbind(1))
        log_probability, entropy = [], []

        def follow(logits: Tensor) -> Tensor:
            option = next(decisions)
            logs = logits.log_softmax(1)
            log_probability.append(logs.gather(1, option[:, None])[:, 0])
            entropy.append(-(logs.exp() * logs).sum(1))
            return option

        self._write(len(archs), follow)
        return torch.stack(log_probability).sum(0), torch.stack(entropy).sum(0)

    def _write(self, count: int, decide: Decide) -> None:
        state = torch.zeros(count, 2 * self.start.numel(), dtype=self.start.dtype)
        for constant in (self.constant, torch.zeros_like(self.constant)):
            state = self._write_cell(state, decide, constant)

    def _write_cell(self, state: Tensor, decide: Decide, constant: Tensor) -> Tensor:
        start = self.start.expand(len(state), -1)
        anchors, keys = [], []  # (architectures, units) at each state of the cell, and what attention compares
        for _ in range(2):
            state = self._step(start, state)
            anchors.append(torch.zeros_like(start))
            keys.append(_output(state) @ self.key)
        rows = torch.arange(len(state))
        for _ in range(self.blocks):
            x = start
            for _ in range(2):
                state = self._step(x, state)
                scores = (torch.stack(keys, 1) + (_output(state) @ self.query)[:, None]).tanh() @ self.value
                source = decide(self.tanh * (scores / self.temperature).tanh())
                x = torch.stack(anchors, 1)[rows, source]
            for _ in range(2):
                state = self._step(x, state)
                scores = (_output(state) @ self.to_operation + self.bias) / self.temperature
                x = self.embedding[decide(self.tanh / self.op_tanh_reduce * scores.tanh() + constant)]
            state = self._step(x, state)
            anchors.append(_output(state))
            keys.append(_output(state) @ self.key)
        return state

    def _step(self, x: Tensor, state: Tensor) -> Tensor:
        """One step of an LSTM without biases. `state`: cell and output side by side, (architectures, 2 * units)."""
        cell, output = state.chunk(2, 1)
        i, f, o, g = (torch.cat([x, output], 1) @ self.gates).chunk(4, 1)
        cell = i.sigmoid() * g.tanh() + f.sigmoid() * cell
        return torch.cat([cell, o.sigmoid() * cell.tanh()], 1)


def _output(state: Tensor) -> Tensor:
    return state.chunk(2, 1)[1]


class Reinforce:
    """REINFORCE with a moving average of rewards as baseline, and the optimizer of the authors' code (src/utils.py)."""

    def __init__(self, controller: Controller, lr: float, decay: float, entropy_weight: float):
        self.controller, self.decay, self.entropy_weight = controller, decay, entropy_weight
        self.optimizer = torch.optim.Adam(controller.parameters(), lr, betas=(0.0, 0.999), eps=1e-3)
        self.baseline: float | None = None

    def learn(self, archs: Sequence[Arch], accuracies: Sequence[float]) -> dict[str, float]:
        """One update from sampled architectures; gives the means of their rewards and entropies, and the baseline."""
        log_probability, entropy = self.controller.score(archs)
        entropies = entropy.tolist()
        rewards = [accuracy + self.entropy_weight * bonus for accuracy, bonus in zip(accuracies, entropies)]
        self.optimizer.zero_grad()
        surrogate(log_probability, self._advantages(rewards)).backward()
        self.optimizer.step()
        count = len(rewards)
        return {"reward": sum(rewards) / count, "baseline": self.baseline, "entropy": sum(entropies) / count}

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
    return -(log_probability * torch.tensor(advantages).to(log_probability)).mean()

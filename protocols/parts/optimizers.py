"""torch's optimizers without torch's compiler.

The classes of torch.optim import torch._dynamo when the first of them is created. That takes 2.0 s of CPU in every job
(torch 2.14.1, one core), as long as importing torch itself. The arithmetic here is that of torch.optim, but for the
last bit of square roots, which is the same on every processor here; the interface is the part of
torch.optim.Optimizer that trainings need, with one parameter group.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.sgd import sgd

from spaces.parts.cpu.descent import clip, descend, together
from spaces.parts.cpu.numerics import roots


def cosine(lr: float, lr_min: float, epoch: int, epochs: int) -> float:
    """The learning rate of an epoch (from 0) on half a cosine from `lr` to `lr_min`, which it would reach in the epoch
    after the last."""
    return lr_min + 0.5 * (lr - lr_min) * (1 + math.cos(math.pi * epoch / epochs))


def set_lr(optimizer: Optimizer, lr: float) -> None:
    """Sets the learning rate of all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = lr


class Optimizer:
    """Parameters whose `grad` is None are not changed, as in torch.optim."""

    buffers: tuple[str, ...]
    """The names of the tensors that are kept for each parameter in `state[parameter]`."""

    def __init__(self, params: Iterable[Tensor], **group: Any):
        self.params = list(params)
        self.param_groups = [{"params": self.params, **group}]
        self.state: dict[Tensor, dict[str, Any]] = {}

    def zero_grad(self) -> None:
        for p in self.params:
            p.grad = None

    def clip(self, most: float) -> None:
        """Scales all gradients, so that their Euclidean norm is at most `most`."""
        clip(self.params, most)

    def step(self) -> None:
        with torch.no_grad():
            active = [p for p in self.params if p.grad is not None]
            for p in active:
                if p not in self.state:
                    self.state[p] = self.fresh(p)
            columns = {name: [self.state[p][name] for p in active] for name in self.buffers}
            group = {name: value for name, value in self.param_groups[0].items() if name != "params"}
            self.update(active, [p.grad for p in active], columns, group)
            for name, column in columns.items():
                for p, value in zip(active, column):
                    self.state[p][name] = value

    @abstractmethod
    def fresh(self, p: Tensor) -> dict[str, Any]:
        """The buffers of a parameter before its first step."""

    @abstractmethod
    def update(self, params: list[Tensor], grads: list[Tensor], columns: dict[str, list], group: dict) -> None:
        """One step in place. columns: for each buffer its tensors, in the order of `params`; entries may be
        replaced."""

    def state_dict(self) -> dict[str, Any]:
        return {
            "group": {name: value for name, value in self.param_groups[0].items() if name != "params"},
            "state": {i: self.state[p] for i, p in enumerate(self.params) if p in self.state},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.param_groups[0].update(state["group"])
        self.state = {self.params[i]: dict(buffers) for i, buffers in state["state"].items()}


class SGD(Optimizer):
    """The same as torch.optim.SGD, without dampening."""

    buffers = ("momentum_buffer",)

    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0, nesterov=False):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)

    def fresh(self, p):
        return {"momentum_buffer": None}

    def update(self, params, grads, columns, group):
        momenta = columns["momentum_buffer"]
        if all(buffer is not None for buffer in momenta) and together(params, grads, momenta):
            descend(params, grads, momenta, **group)
            return
        sgd(params, grads, columns["momentum_buffer"], dampening=0.0, maximize=False, foreach=True, **group)


class Adam(Optimizer):
    """The same as torch.optim.Adam, to rounding."""

    buffers = ("exp_avg", "exp_avg_sq", "step")

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, beta1=betas[0], beta2=betas[1], eps=eps, weight_decay=weight_decay)

    def fresh(self, p):
        return {"exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p), "step": torch.tensor(0.0)}

    def update(self, params, grads, columns, group):
        means, squares, steps = columns.values()
        lr, beta1, beta2 = group["lr"], group["beta1"], group["beta2"]
        if group["weight_decay"]:
            grads = torch._foreach_add(grads, params, alpha=group["weight_decay"])
        torch._foreach_add_(steps, 1)
        torch._foreach_lerp_(means, grads, 1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, grads, grads, 1 - beta2)
        counts = [step.item() for step in steps]
        scales = roots(squares)
        torch._foreach_div_(scales, [math.sqrt(1 - beta2**count) for count in counts])
        torch._foreach_add_(scales, group["eps"])
        torch._foreach_addcdiv_(params, means, scales, [-lr / (1 - beta1**count) for count in counts])


class RMSprop(Optimizer):
    """The same as torch.optim.RMSprop, to rounding. It adds eps outside the root; TensorFlow's form adds it inside."""

    buffers = ("square_avg", "momentum_buffer", "step")

    def __init__(self, params, lr, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0):
        super().__init__(params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum)

    def fresh(self, p):
        return {
            "square_avg": torch.zeros_like(p),
            "momentum_buffer": torch.zeros_like(p),
            "step": torch.tensor(0.0),
        }

    def update(self, params, grads, columns, group):
        squares, momenta, steps = columns.values()
        if group["weight_decay"]:
            grads = torch._foreach_add(grads, params, alpha=group["weight_decay"])
        torch._foreach_add_(steps, 1)
        torch._foreach_mul_(squares, group["alpha"])
        torch._foreach_addcmul_(squares, grads, grads, 1 - group["alpha"])
        scales = roots(squares)
        torch._foreach_add_(scales, group["eps"])
        torch._foreach_mul_(momenta, group["momentum"])
        torch._foreach_addcdiv_(momenta, grads, scales)
        torch._foreach_add_(params, momenta, alpha=-group["lr"])

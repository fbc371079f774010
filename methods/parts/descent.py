"""The alternation of DARTS: an architecture step on validation images, then a weight step on training images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from methods.base import Run
from methods.parts.architect import AlphaGradient, Alphas, Batch
from methods.parts.bilevel import weight_step
from protocols.parts.optimizers import SGD, Adam, set_lr
from spaces.parts.network import Supernet

Gradient = Callable[[Supernet, Alphas, SGD, Batch, Batch], AlphaGradient]
"""(supernet, architecture parameters, optimizer of the weights, training batch, validation batch) -> gradient"""


class Descent:
    """Shared weights and architecture parameters with their optimizers."""

    def __init__(
        self, supernet: Supernet, alphas: Alphas, weights: SGD, architecture: Adam, gradient: Gradient, clip: float
    ):
        """weights, architecture: the optimizers of both. clip: the largest global norm of the weights' gradients."""
        self.supernet, self.alphas, self.weights, self.architecture = supernet, alphas, weights, architecture
        self.gradient, self.clip = gradient, clip

    def state(self) -> dict[str, Any]:
        """What `Run.epochs` must keep."""
        return {
            "supernet": self.supernet,
            "alphas": self.alphas,
            "weight_optimizer": self.weights,
            "alpha_optimizer": self.architecture,
        }

    def epoch(self, run: Run, lr: float, architecture: bool = True) -> dict[str, float]:
        """One pass over the training half, with the learning rate `lr` of the weights. Without `architecture` the
        architecture does not move. Returns the means of loss and accuracy over the steps."""
        set_lr(self.weights, lr)
        steps = [self._step(run, batch, architecture) for batch in run.batches("train")]
        return {name: sum(step[name] for step in steps) / len(steps) for name in steps[0]}

    def _step(self, run: Run, batch: Batch, architecture: bool) -> dict[str, float]:
        before = self._architecture_step(batch, run.batch("val")) if architecture else {}
        loss, accuracy = weight_step(self.supernet, self.weights, self.alphas.mix(), batch, self.clip)
        return {"train_loss": loss, "train_accuracy": accuracy, **before}

    def _architecture_step(self, training: Batch, validation: Batch) -> dict[str, float]:
        found = self.gradient(self.supernet, self.alphas, self.weights, training, validation)
        for parameter, gradient in zip(self.alphas.parameters(), found.gradients):
            parameter.grad = gradient
        self.architecture.step()
        return {"val_loss": found.loss, "val_accuracy": found.accuracy}

"""The alternation of DARTS: an architecture step on validation images, then a weight step on training images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from methods.base import Run
from methods.parts.architect import AlphaGradient, Alphas, Batch, batch_loss
from methods.parts.bilevel import joint_step, means, weight_step
from protocols.parts.optimizers import SGD, Adam, set_lr
from spaces.parts.network import Supernet

Gradient = Callable[[Supernet, Alphas, SGD, Batch, Batch], AlphaGradient]
"""(supernet, architecture parameters, optimizer of the weights, training batch, validation batch) -> gradient"""


METRICS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")


class Descent:
    """Shared weights and architecture parameters with their optimizers."""

    def __init__(
        self,
        supernet: Supernet,
        alphas: Alphas,
        weights: SGD,
        architecture: Adam,
        gradient: Gradient,
        clip: float,
        alpha_clip: float | None = None,
    ):
        """weights, architecture: the optimizers of both. clip, alpha_clip: the largest global norms of the gradients of
        the weights and of the architecture parameters."""
        self.supernet, self.alphas, self.weights, self.architecture = supernet, alphas, weights, architecture
        self.gradient, self.clip, self.alpha_clip = gradient, clip, alpha_clip

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
        architecture is measured and does not move. Returns the means of `METRICS` over the steps, each from before its
        step."""
        set_lr(self.weights, lr)
        return means(self._step(run, batch, architecture) for batch in run.batches("train"))

    def _step(self, run: Run, batch: Batch, architecture: bool) -> dict[str, float]:
        validation = run.batch("val")
        before = self._architecture_step(batch, validation) if architecture else self._measured(validation)
        trained = weight_step(self.supernet, self.weights, self.alphas.mix(), batch, self.clip)
        return dict(zip(METRICS, (*trained, *before)))

    def _architecture_step(self, training: Batch, validation: Batch) -> tuple[float, float]:
        found = self.gradient(self.supernet, self.alphas, self.weights, training, validation)
        for parameter, gradient in zip(self.alphas.parameters(), found.gradients):
            parameter.grad = gradient
        if self.alpha_clip is not None:
            self.architecture.clip(self.alpha_clip)
        self.architecture.step()
        return found.loss, found.accuracy

    def _measured(self, validation: Batch) -> tuple[float, float]:
        with torch.no_grad():
            loss, accuracy = batch_loss(self.supernet, self.alphas, validation)
            return loss.item(), accuracy


class OneLevel(Descent):
    """Weights and architecture parameters move together, by the gradient of one loss on training images. `gradient` is
    not used."""

    def _step(self, run: Run, batch: Batch, architecture: bool) -> dict[str, float]:
        moved = joint_step(self.supernet, (self.weights, self.architecture), self.alphas.mix(), batch, self.clip)
        return dict(zip(METRICS, moved))

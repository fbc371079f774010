"""The steps of a DARTS search as its public code writes them (quark0/darts, cnn/architect.py and train_search.py). The
method's steps are compared with them, in their results and in their speed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from protocols.parts.optimizers import SGD
from spaces.parts.network import Supernet

Batch = tuple[Tensor, Tensor]
"""(images, labels)"""


class Search:
    """The steps of a search on a supernet. All gradients are computed, used or not, as in the public code's
    `loss.backward()`."""

    def __init__(self, network: Supernet, alphas: Tensor, momentum: float = 0.9, weight_decay: float = 3e-4):
        """alphas: (places, candidates), the logits of the mixture."""
        self.network, self.alphas = network, alphas.detach().clone().requires_grad_()
        self.momentum, self.weight_decay = momentum, weight_decay
        self.weights = SGD(network.parameters(), 0.025, momentum, weight_decay)

    def loss(self, batch: Batch, weights: Sequence[Tensor]) -> Tensor:
        named = dict(zip((name for name, _ in self.network.named_parameters()), weights))
        logits = functional_call(self.network, named, (batch[0], self.alphas.softmax(1).unbind()))
        return F.cross_entropy(logits, batch[1])

    def slopes(self, batch: Batch, weights: Sequence[Tensor]) -> tuple[Tensor, Sequence[Tensor]]:
        """Gradients of the batch's loss by the alphas and by the weights."""
        by_alphas, *by_weights = torch.autograd.grad(self.loss(batch, weights), [self.alphas, *weights])
        return by_alphas, by_weights

    def first_order(self, validation: Batch) -> Tensor:
        return self.slopes(validation, list(self.network.parameters()))[0]

    def second_order(self, training: Batch, validation: Batch, lr: float) -> Tensor:
        """Equations 7 and 8 of the paper: the Hessian's product by central differences."""
        weights = list(self.network.parameters())
        _, slopes = self.slopes(training, weights)
        buffers = [self.weights.state.get(w, {}).get("momentum_buffer") for w in weights]
        pulls = [0.0 if buffer is None else self.momentum * buffer for buffer in buffers]
        ahead = [w - lr * (s + self.weight_decay * w + pull) for w, s, pull in zip(weights, slopes, pulls)]
        direct, along = self.slopes(validation, [w.detach().requires_grad_() for w in ahead])
        r = 0.01 / float(torch.cat([vector.flatten() for vector in along]).norm())
        up, down = (
            torch.autograd.grad(self.loss(training, [w + step * v for w, v in zip(weights, along)]), self.alphas)[0]
            for step in (r, -r)
        )
        return direct - lr * (up - down) / (2 * r)

    def weight_step(self, training: Batch, clip: float = 5.0) -> None:
        weights = list(self.network.parameters())
        _, slopes = self.slopes(training, weights)
        for weight, slope in zip(weights, slopes):
            weight.grad = slope
        torch.nn.utils.clip_grad_norm_(weights, clip)
        self.weights.step()

"""The passes of a network over one batch that proxies read. The forward pass is made at once, each backward pass when
it is first asked for; all are kept."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from proxies.parts.activations import inputs, outputs
from proxies.parts.gradients import gradients, layers, logits
from proxies.parts.twice import twice_differentiable


class Activation(NamedTuple):
    """What a layer gave, before batch normalisation, and the loss's gradient for it."""

    layer: nn.Conv2d | nn.Linear
    output: Tensor
    gradient: Tensor


class Passes:
    """In training mode; the channels of maps lie last in memory. The loss is the mean cross entropy of the batch.

    order: of the derivatives that will be read. 0: none. 2: `second` too, and the passes keep what that takes."""

    def __init__(self, network: nn.Module, batch: tuple[Tensor, Tensor], order: int = 1):
        images, self.labels = batch
        self._images = images.detach().clone(memory_format=torch.channels_last).requires_grad_()
        self._layers, self._twice = layers(network), order > 1
        self._read: list[Tensor] = []
        relus = [module for module in network.modules() if isinstance(module, nn.ReLU)]
        forms = twice_differentiable(network) if self._twice else nullcontext()
        with (
            torch.set_grad_enabled(order > 0),
            forms,
            outputs(network, self._layers) as self._outputs,
            inputs(relus, self._see),
        ):
            self._logits = logits(network, self._images)

    def _see(self, x: Tensor) -> None:
        self._read.append(x)

    @property
    def relus(self) -> list[tuple[Tensor, int]]:
        """Each map that ReLU modules read, and how many of them. One that works in place has set the negative values to
        zero."""
        maps = {id(x): x for x in self._read}
        return [(maps[which].detach(), times) for which, times in Counter(map(id, self._read)).items()]

    @property
    def weights(self) -> list[Tensor]:
        """Of the layers that are scored."""
        return [layer.weight.detach() for layer in self._layers]

    @property
    def gradients(self) -> list[Tensor]:
        """Of the loss, for the weights."""
        return [slope.detach() for slope in self._slopes[: len(self._layers)]]

    @property
    def activations(self) -> list[Activation]:
        """Of every call of a layer, in the order of the calls."""
        slopes = self._slopes[len(self._layers) :]
        return [Activation(layer, a.detach(), g.detach()) for (layer, a), g in zip(self._outputs, slopes)]

    @cached_property
    def _slopes(self) -> list[Tensor]:
        """Of the loss, for the weights and then for the outputs of the layers."""
        loss = functional.cross_entropy(self._logits, self.labels)
        sources = [layer.weight for layer in self._layers] + [output for _, output in self._outputs]
        return gradients(loss, sources, create_graph=self._twice)

    @cached_property
    def second(self) -> list[Tensor]:
        """H g for each weight, where g are the gradients: the derivative of <g held fixed, g>."""
        slopes = [slope for slope in self._slopes[: len(self._layers)] if slope.requires_grad]
        if not slopes:  # no path from the images to the logits
            return [torch.zeros_like(weight) for weight in self.weights]
        total = torch.stack([(slope.detach() * slope).sum() for slope in slopes]).sum()
        return gradients(total, [layer.weight for layer in self._layers])

    @cached_property
    def jacobian(self) -> Tensor:
        """d (sum of all logits) / d each image, flattened: (n, inputs * image * image), in float64."""
        (rows,) = gradients(self._logits.sum(), [self._images])
        return rows.flatten(1).double()

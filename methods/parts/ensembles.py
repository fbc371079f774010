"""An ensemble of small networks that predict a number, trained side by side."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from protocols.parts.optimizers import Adam

MEMBERS, LAYERS, WIDTH = 5, 10, 20
LR, BETAS, EPOCHS, BATCH = 0.01, (0.9, 0.99), 200, 32


class Ensemble:
    """Fully connected networks with ReLU that differ in their initial weights and in the order of their batches;
    absolute error, Adam. Values are in standard deviations of those that are known."""

    def __init__(self, features: int, generator: torch.Generator):
        self.generator = generator
        sizes = [features, *[WIDTH] * LAYERS, 1]
        self.shapes = list(zip(sizes, sizes[1:]))
        drawn = [self._glorot(inputs, outputs) for inputs, outputs in self.shapes]
        biases = [torch.zeros(MEMBERS, outputs) for outputs in sizes[1:]]
        self.parameters = torch.cat([part for pair in zip(drawn, biases) for part in pair], 1)
        self.mean, self.scale = 0.0, 1.0

    def _glorot(self, inputs: int, outputs: int) -> Tensor:
        bound = math.sqrt(6 / (inputs + outputs))
        return torch.empty(MEMBERS, inputs * outputs).uniform_(-bound, bound, generator=self.generator)

    def layers(self, flat: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The weight (members, inputs, outputs) and bias (members, 1, outputs) of each layer, as parts of one tensor of
        all: a tenth of the optimizer's calls."""
        sizes = [size for inputs, outputs in self.shapes for size in (inputs * outputs, outputs)]
        parts = iter(flat.split(sizes, 1))
        return [(weight.view(-1, *shape), bias[:, None]) for shape, weight, bias in zip(self.shapes, parts, parts)]

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """(members, n, features) to (members, n)."""
        return forward(self.layers(self.parameters), x)[-1][..., 0]

    def fit(self, x: np.ndarray, values: np.ndarray) -> None:
        """x: (n, features); values: (n,)."""
        self.mean, self.scale = float(values.mean()), float(values.std()) or 1.0
        inputs, targets = torch.tensor(x), torch.tensor((values - self.mean) / self.scale, dtype=torch.float32)
        optimizer = Adam([self.parameters], LR, betas=BETAS)
        self.parameters.grad = torch.empty_like(self.parameters)
        layers, gradients = self.layers(self.parameters), self.layers(self.parameters.grad)
        for _ in range(EPOCHS):
            order = torch.rand(MEMBERS, len(targets), generator=self.generator).argsort(1)
            for chosen in order.split(BATCH, 1):
                backward(layers, gradients, forward(layers, inputs[chosen]), targets[chosen])
                optimizer.step()

    @torch.no_grad()
    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(mean, standard deviation) over the members, each (n,)."""
        found = self(torch.tensor(x).expand(MEMBERS, -1, -1)).double().numpy() * self.scale + self.mean
        return found.mean(0), found.std(0, ddof=1)


def forward(layers: list[tuple[Tensor, Tensor]], x: Tensor) -> list[Tensor]:
    """What each layer reads, and what the last one gives."""
    read = [x]
    for weight, bias in layers:
        read.append(torch.baddbmm(bias, read[-1], weight))
        if len(read) <= len(layers):
            read[-1].relu_()
    return read


def backward(
    layers: list[tuple[Tensor, Tensor]], gradients: list[tuple[Tensor, Tensor]], read: list[Tensor], targets: Tensor
) -> None:
    """Writes the gradients of the sum over members of the mean absolute error, whose members share none. With g of what
    a layer gives: of its weight x^T g, of its bias the sum of g, of what it reads g W^T, 0 where ReLU gave 0."""
    g = (read[-1] - targets[..., None]).sgn() / targets.shape[1]
    for i in reversed(range(len(layers))):
        weight, bias = gradients[i]
        weight.copy_(torch.bmm(read[i].transpose(1, 2), g))
        torch.sum(g, 1, keepdim=True, out=bias)
        if i:
            g = torch.bmm(g, layers[i][0].transpose(1, 2)).mul_(read[i].sgn())

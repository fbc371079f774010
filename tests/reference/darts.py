"""DARTS as the paper and its public code define it: edge by edge, operation by operation, in torch's own layers. The
fast supernet and its search steps are compared with it, in their results and in their speed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from protocols.parts.optimizers import SGD
from spaces.base import Size
from spaces.darts.choices import NODES
from spaces.darts.supernet import DartsSupernet
from spaces.parts.cells import imagenet_stems, reductions


def batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, affine=False, track_running_stats=False)


def convolutions(channels: int, kernel: int, stride: int, dilation: int) -> list[nn.Module]:
    padding = dilation * (kernel // 2)
    return [
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        batch_norm(channels),
    ]


def separable(channels: int, kernel: int, stride: int) -> nn.Module:
    return nn.Sequential(*convolutions(channels, kernel, stride, 1), *convolutions(channels, kernel, 1, 1))


def preprocess(inputs: int, channels: int, halved: bool = False) -> nn.Module:
    if halved:
        return Reduce(inputs, channels)
    return nn.Sequential(nn.ReLU(), nn.Conv2d(inputs, channels, 1, bias=False), batch_norm(channels))


def cifar_stem(inputs: int, channels: int) -> nn.Module:
    norm = nn.BatchNorm2d(channels, track_running_stats=False)
    return nn.Sequential(nn.Conv2d(inputs, channels, 3, padding=1, bias=False), norm)


class Reduce(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv_1 = nn.Conv2d(inputs, outputs // 2, 1, stride=2, bias=False)
        self.conv_2 = nn.Conv2d(inputs, outputs - outputs // 2, 1, stride=2, bias=False)
        self.bn = batch_norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x.relu(), (0, x.shape[3] % 2, 0, x.shape[2] % 2)).contiguous()
        return self.bn(torch.cat([self.conv_1(x), self.conv_2(x[:, :, 1:, 1:].contiguous())], 1))


class Zero(nn.Module):
    def __init__(self, stride: int):
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return 0.0 * x[:, :, :: self.stride, :: self.stride]


def candidates(channels: int, stride: int) -> nn.ModuleList:
    """In the order of the paper's code: none, max and average pooling, skip, separable 3 and 5, dilated 3 and 5."""
    return nn.ModuleList(
        [
            Zero(stride),
            nn.Sequential(nn.MaxPool2d(3, stride, 1), batch_norm(channels)),
            nn.Sequential(nn.AvgPool2d(3, stride, 1, count_include_pad=False), batch_norm(channels)),
            nn.Identity() if stride == 1 else Reduce(channels, channels),
            separable(channels, 3, stride),
            separable(channels, 5, stride),
            nn.Sequential(*convolutions(channels, 3, stride, 2)),
            nn.Sequential(*convolutions(channels, 5, stride, 2)),
        ]
    )


class Edge(nn.Module):
    def __init__(self, channels: int, stride: int):
        super().__init__()
        self.candidates = candidates(channels, stride)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        return sum(weight * candidate(x) for weight, candidate in zip(weights, self.candidates))


class MixedCell(nn.Module):
    def __init__(self, inputs: tuple[int, int], channels: int, reduction: bool, halved: bool):
        super().__init__()
        self.preprocess0 = preprocess(inputs[0], channels, halved)
        self.preprocess1 = preprocess(inputs[1], channels)
        self.edges = nn.ModuleList(
            Edge(channels, 2 if reduction and source < 2 else 1) for node in range(NODES) for source in range(node + 2)
        )

    def forward(self, before: Tensor, last: Tensor, mix: Sequence[Tensor]) -> Tensor:
        states, first = [self.preprocess0(before), self.preprocess1(last)], 0
        for node in range(NODES):
            places = range(first, first + node + 2)
            states.append(sum(self.edges[k](x, mix[k]) for k, x in zip(places, states)))
            first += node + 2
        return torch.cat(states[2:], 1)


class NaiveSupernet(nn.Module):
    """The naive form with parameters of its own; `mixed` computes with those of a supernet."""

    def __init__(self, size: Size):
        super().__init__()
        imagenet = size.stem == "imagenet"
        if imagenet:
            self.stem, self.stem2 = imagenet_stems(size.inputs, size.channels, search=True)
        else:
            self.stem, self.stem2 = cifar_stem(size.inputs, 3 * size.channels), None
        inputs, channels, halved = (size.channels * (1 if imagenet else 3),) * 2, size.channels, imagenet
        self.reductions, self.cells = reductions(size.cells), nn.ModuleList()
        for i in range(size.cells):
            reduction = i in self.reductions
            channels *= 2 if reduction else 1
            self.cells.append(MixedCell(inputs, channels, reduction, halved))
            inputs, halved = (inputs[1], NODES * channels), reduction
        self.classifier = nn.Linear(inputs[1], size.classes)

    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        before = self.stem(x)
        last = before if self.stem2 is None else self.stem2(before)
        for i, cell in enumerate(self.cells):
            part = mix[len(mix) // 2 :] if i in self.reductions else mix[: len(mix) // 2]
            before, last = last, cell(before, last, part)
        return self.classifier(last.mean((2, 3)))


def shared_weights(supernet: DartsSupernet) -> dict[str, Tensor]:
    """The supernet's weights under the names that NaiveSupernet gives them."""
    shared = {}
    naive = NaiveSupernet(supernet.size).to("meta")
    for name, _ in naive.named_parameters():
        if ".edges." not in name:
            shared[name] = supernet.get_parameter(name)
    for i, cell in enumerate(naive.cells):
        for place, edge in enumerate(cell.edges):
            for k, candidate in enumerate(edge.candidates):
                names = [f"cells.{i}.edges.{place}.candidates.{k}.{name}" for name, _ in candidate.named_parameters()]
                shared.update(zip(names, supernet.cells[i].weights(place, k), strict=True))
    return shared


def naive(supernet: DartsSupernet) -> NaiveSupernet:
    """The naive form with a copy of a supernet's weights, for comparisons of speed."""
    copy = NaiveSupernet(supernet.size).to(supernet.classifier.weight)
    copy.load_state_dict(shared_weights(supernet))
    return copy


def mixed(supernet: DartsSupernet, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
    """Logits of the naive form with the supernet's own weights, so that gradients reach them."""
    skeleton = NaiveSupernet(supernet.size).to("meta")
    return functional_call(skeleton, shared_weights(supernet), (x, mix))


Batch = tuple[Tensor, Tensor]


class Search:
    """The steps of a search on a naive supernet. All gradients are computed, used or not, as in the public code's
    `loss.backward()`."""

    def __init__(self, network: NaiveSupernet, alphas: Tensor, momentum: float = 0.9, weight_decay: float = 3e-4):
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

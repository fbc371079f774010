"""The auxiliary head of quark0/darts (cnn/model.py): a second classifier on an inner map, used in training only."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from spaces.parts.convolutions import Pointwise


def pool_to_2x2(x: Tensor) -> Tensor:
    """Average pooling of (images, channels, height, width) to 2x2 pixels. As published, 8x8 maps take kernel 5 and
    stride 3, 7x7 maps kernel 5 and stride 2; other maps are covered in the same proportion."""
    stride = tuple(max(3 * side // 8, 1) for side in x.shape[2:])
    kernel = tuple(max(side - step, 1) for side, step in zip(x.shape[2:], stride))
    return F.adaptive_avg_pool2d(x, 2) if min(x.shape[2:]) < 2 else F.avg_pool2d(x, kernel, stride)


class AuxiliaryHead(nn.Module):
    """(images, channels, height, width) to logits (images, classes).

    ImageNet's form has no batch normalisation behind the second convolution (cnn/model.py).
    """

    def __init__(self, channels: int, classes: int, imagenet: bool = False):
        super().__init__()
        second_norm = [] if imagenet else [nn.BatchNorm1d(768)]
        self.relu = nn.ReLU()
        self.features = nn.Sequential(
            Pointwise(channels, 128),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(4 * 128, 768, bias=False),  # the published 2x2 convolution: its input map is 2x2
            *second_norm,
            nn.ReLU(),
        )
        self.classifier = nn.Linear(768, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(pool_to_2x2(self.relu(x))))

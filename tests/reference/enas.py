"""The ENAS supernet as it is defined: layer by layer, side after side, candidate after candidate."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.enas.shared_layer import SharedLayer
from spaces.enas.supernet import EnasSupernet

OPERATIONS = 5
BLOCKS = 5


def mixed(supernet: EnasSupernet, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
    """What `supernet(x, mix)` must equal, with the supernet's weights."""
    before = last = supernet.stem(x)
    for i, layer in enumerate(supernet.layers):
        cell = mix[2 * BLOCKS :] if i in supernet.reductions else mix[: 2 * BLOCKS]
        if i in supernet.reductions:
            before, last = last, layer.reduce(last)
        before, last = last, _cell(layer, layer.calibrate0(before), layer.calibrate1(last), cell)
    return supernet.classifier(F.relu(last).mean((2, 3)))


def _cell(layer: SharedLayer, before: Tensor, last: Tensor, mix: Sequence[Tensor]) -> Tensor:
    states, unread = [before, last], [torch.ones(()).to(before)] * (BLOCKS + 2)
    reader = 0
    for block in range(BLOCKS):
        node = 0.0
        for side in range(2):
            weights = mix[2 * block + side]
            for source in range(block + 2):
                reads = weights[OPERATIONS * source : OPERATIONS * (source + 1)]
                for k, weight in enumerate(reads):
                    if weight != 0 or weight.requires_grad:
                        node = node + weight * _operation(layer, k, reader, states[source])
                unread[source] = unread[source] * (1 - reads.sum())
                reader += 1
        states.append(node)
    output = 0.0
    for state, share, weight in zip(states, unread, layer.combine):
        if share != 0 or share.requires_grad:
            output = output + share * F.conv2d(F.relu(state), weight[:, :, None, None])
    return layer.norm(output)


def _operation(layer: SharedLayer, k: int, reader: int, x: Tensor) -> Tensor:
    if k == 2:
        return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    if k == 3:
        return F.max_pool2d(x, 3, stride=1, padding=1)
    if k == 4:
        return x
    size, channels = (3, 5)[k], x.shape[1]
    for bank in layer.banks[f"sep_conv_{size}x{size}"]:
        depthwise = bank.depthwise[reader].reshape(channels, 1, size, size)
        x = F.conv2d(F.relu(x), depthwise, padding=size // 2, groups=channels)
        x = F.conv2d(x, bank.pointwise[reader].reshape(channels, channels, 1, 1))
        x = F.batch_norm(x, None, None, bank.scale[reader], bank.offset[reader], training=True)
    return x

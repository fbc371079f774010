"""The operation `noise`. Importing this module makes it known to every network and supernet of cells."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spaces.base import UserError
from spaces.parts.operations import BUILDERS


class Noise(nn.Module):
    """N(0, 1) in the shape of the input, or of every second pixel of it (automl/RobustDARTS, src/search/operations.py).

    The first seed is drawn as fresh weights are, and belongs to the state. In training mode every call has a seed of
    its own; in evaluation mode all have the next one, so that a network answers the same when it is asked again.
    """

    def __init__(self, stride: int):
        super().__init__()
        self.stride = stride
        drawn = torch.randint(2**31, ())
        self.seed = 0 if drawn.is_meta else int(drawn)

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_exporting():
            raise UserError("no exported program can draw the operation noise of space darts_s4: export another space")
        generator = torch.Generator().manual_seed(self.seed)
        shape = x[:, :, :: self.stride, :: self.stride].shape
        noise = torch.randn(shape, generator=generator, device="cpu").to(x)
        self.seed += self.training
        return noise

    def get_extra_state(self) -> Tensor:
        return torch.tensor(self.seed)

    def set_extra_state(self, state: Tensor) -> None:
        self.seed = int(state)


BUILDERS["noise"] = lambda channels, stride, search: Noise(stride)

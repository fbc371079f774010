"""Networks of NAS-Bench-201 with the weights that the published values of proxies were computed with."""

from torch import nn

from spaces.base import Size
from spaces.nasbench201 import Nasbench201


def nasbench201(arch, channels, cells):
    """For 10 classes, in plain form."""
    return Nasbench201().network(Nasbench201().read(arch), Size(channels, cells, 10, 32))


def kaiming(network, seed=0):
    """zc.init_recipe: kaiming_normal_ for convolutions and linear layers in the order of the modules, biases 0."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network

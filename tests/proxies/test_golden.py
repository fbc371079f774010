"""The values of SamsungLabs/zero-cost-nas, in float64: ../shared/golden, keys zc.*"""

import json
import math

import numpy as np
import pytest
import torch

from spaces.parts.entries import entry_class
from tests.proxies.networks import kaiming, nasbench201
from tests.reference.published import GOLDEN

FOLDER = GOLDEN / "golden.json"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="needs ../shared/golden")
FACTS = json.loads(FOLDER.read_text()) if FOLDER.exists() else {}
NAMES = ("grad_norm", "snip", "grasp", "fisher", "synflow", "jacob_cov", "plain")
LARGE = sorted(key for key in FACTS if key.startswith("zc.C16_N5."))
SMALL = sorted(key for key in FACTS if key.startswith("zc.C4_N1."))


def scores(network, batch):
    generator = torch.Generator().manual_seed(0)
    return {name: entry_class("proxies", name)().score(network, batch, generator) for name in NAMES}


def agree(found, expected):
    for name in NAMES:
        value = float(expected[name])
        if math.isnan(value):
            assert math.isnan(found[name])
        else:
            assert found[name] == pytest.approx(value, rel=1e-4), name


@pytest.mark.slow
@pytest.mark.parametrize("key", LARGE)
def test_values_with_published_initialisation(key):
    facts = FACTS[key]["value"]
    network = kaiming(nasbench201(facts["arch"], 16, 15))
    sums = facts["weights_checksum"]
    assert sum(p.double().sum().item() for p in network.parameters()) == pytest.approx(sums["sum"], rel=1e-6)
    images = torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    agree(scores(network.double(), (images.double(), torch.arange(16) % 10)), facts["float64"])


@pytest.mark.parametrize("key", SMALL)
def test_values_with_given_weights(key):
    facts = FACTS[key]["value"]
    arrays = np.load(GOLDEN / facts["file"].removeprefix("golden/"))
    network = nasbench201(facts["arch"], 4, 3).double()
    for i, p in enumerate(network.parameters()):
        p.data = torch.from_numpy(arrays[f"p{i:04}"]).double()
    batch = torch.from_numpy(arrays["x"]).double(), torch.from_numpy(arrays["y"]).long()
    agree(scores(network, batch), facts["float64"])

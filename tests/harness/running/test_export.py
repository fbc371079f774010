"""A network of every space as a program of torch.export and as ONNX: both compute what the network does."""

import io
import json
import random

import pytest
import torch
from torch import nn

from harness.plan import registry
from harness.running import export
from spaces.base import Size, UserError
from spaces.parts.cpu.fuse import fuse, unfuse

SIZE = Size(channels=4, cells=3, classes=5, image=16, inputs=3)
ABOUT = {"space": "any"}


KINDS = "darts", "enas", "nasbench201", "single_path_se"
"""Spaces whose networks have all that the others are made of; the others are exported by pytest -m slow."""
REFUSED = "darts_s4"
SPACES = [
    pytest.param(name, marks=[] if name in KINDS else pytest.mark.slow)
    for name in registry.names("spaces")
    if name != REFUSED
]


@pytest.fixture(scope="module", params=SPACES)
def exported(request):
    """(network, program) of a random architecture with weights and averages as if it were trained."""
    space = registry.space(request.param)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = export.Classifier(space.build(space.sample(random.Random(1)), SIZE)).eval()
        for norm in (part for part in network.modules() if isinstance(part, nn.BatchNorm2d)):
            norm.running_mean.normal_(0, 0.3)
            norm.running_var.uniform_(0.5, 2)
    program = export.program(fuse(network), SIZE.inputs, SIZE.image)  # the exporter sees the definition
    return unfuse(network), program


def images(n):
    return torch.randn(n, SIZE.inputs, SIZE.image, SIZE.image, generator=torch.Generator().manual_seed(n))


def test_the_program_is_the_network_for_any_number_of_images(exported):
    network, program = exported
    about = {export.ABOUT: ""}
    loaded = torch.export.load(io.BytesIO(export.program_file(program, ABOUT)), extra_files=about).module()
    assert json.loads(about[export.ABOUT]) == ABOUT
    with torch.inference_mode():
        for n in (1, 2, 7):
            torch.testing.assert_close(loaded(images(n)), network(images(n)), rtol=1e-5, atol=1e-5)


def test_onnxruntime_agrees_with_torch(exported):
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install -e '.[onnx]'")
    import onnxruntime

    network, program = exported
    session = onnxruntime.InferenceSession(export.onnx_file(program, ABOUT))
    assert json.loads(session.get_modelmeta().custom_metadata_map[export.ABOUT]) == ABOUT
    for n in (1, 7):
        (logits,) = session.run(["logits"], {"images": images(n).numpy()})
        with torch.inference_mode():
            torch.testing.assert_close(torch.from_numpy(logits), network(images(n)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("form", [fuse, unfuse])
def test_noise_is_refused_in_one_line(form):
    space = registry.space(REFUSED)
    network = form(fuse(space.build(space.sample(random.Random(1)), SIZE))).eval()
    with pytest.raises(
        UserError, match=r"^no exported program can draw the operation noise of space darts_s4: [^\n]+$"
    ):
        export.program(export.Classifier(network), SIZE.inputs, SIZE.image)

"""A trained network as files that load without this project: a program of torch.export, and ONNX.

Both take images (n, inputs, image, image), normalised as `about` says, for any n, and give logits (n, classes).
"""

from __future__ import annotations

import io
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

import spaces
from harness.records import weights
from spaces import UserError

ABOUT = "about.json"
"""The name of the description among the program's extra files, and of ONNX's metadata."""
NEEDED = ("onnx", "onnxscript")


class Classifier(nn.Module):
    """A network without its auxiliary output."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits, _ = self.network(images)
        return logits


def trained(file: Path, record: dict[str, Any]) -> Classifier:
    """The network of a record with its kept weights, in evaluation mode, without the auxiliary head."""
    size = {**record["weights"]["size"], "auxiliary": False}
    network = spaces.network(record["key"]["space"], record["arch"], **size)
    state = torch.load(weights.path(file), weights_only=True)
    try:
        network.load_state_dict({name: value for name, value in state.items() if not name.startswith("auxiliary.")})
    except RuntimeError:
        commit = record["environment"]["commit"]
        raise UserError(f"{weights.path(file)} does not fit today's networks: it was made by commit {commit}") from None
    return Classifier(network).eval()


def about(record: dict[str, Any]) -> dict[str, Any]:
    """What a user of the network must know. mean and std: per channel, of pixels from 0 to 1."""
    key, kept, size = record["key"], record["weights"], record["weights"]["size"]
    return {
        **{axis: key[axis] for axis in ("protocol", "dataset", "space")},
        "arch": record["arch"],
        **{name: size[name] for name in ("inputs", "image")},
        **{name: kept[name] for name in ("mean", "std", "classes")},
        "test_accuracy": record["result"]["test_accuracy"],
        "record": record["sha256"],
    }


def program(network: nn.Module, inputs: int, image: int) -> ExportedProgram:
    """For any number of images, one at least."""
    example = torch.zeros(2, inputs, image, image)
    return torch.export.export(network, (example,), dynamic_shapes=({0: Dim("n", min=1)},))


def program_file(exported: ExportedProgram, description: dict[str, Any]) -> bytes:
    """For `torch.export.load`."""
    buffer = io.BytesIO()
    torch.export.save(exported, buffer, extra_files={ABOUT: json.dumps(description)})
    return buffer.getvalue()


def onnx_file(exported: ExportedProgram, description: dict[str, Any]) -> bytes:
    """An ONNX model: input `images`, output `logits`."""
    converted = torch.onnx.export(exported, dynamo=True, verbose=False, input_names=["images"], output_names=["logits"])
    assert converted is not None  # it is for dynamo
    converted.model.metadata_props[ABOUT] = json.dumps(description)
    return converted.model_proto.SerializeToString()


def needs_onnx() -> None:
    """UserError where the packages that write ONNX are missing."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise UserError(f"--onnx needs {' and '.join(missing)}: pip install -c constraints.txt -e '.[onnx]'")

"""Search spaces: one folder per space. `base` holds the contract, `parts` what several spaces share.

    import spaces

    network = spaces.network("enas", "0 2 0 0 …", channels=16, cells=8, classes=10, image=32)
    logits, auxiliary_logits = network(images)

Networks are plain PyTorch modules with fresh weights. Importing this package imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spaces.base import Arch, Size, Space, UserError
from spaces.parts import entries
from spaces.parts.declared import PREFIX, declared

if TYPE_CHECKING:
    from spaces.parts.network import Network

__all__ = ["Arch", "Size", "Space", "UserError", "names", "network", "space"]


def names() -> tuple[str, ...]:
    """The names of all spaces, sorted."""
    return entries.names("spaces")


def space(name: str, **reading: Any) -> Space:
    """A space. `reading`: fields of its class that differ from their defaults, such as macro="enas" for the space enas.
    `file:PATH` is the space that a YAML file declares (spaces/parts/declared.py). UserError for an unknown name."""
    if name.startswith(PREFIX):
        for field in reading:
            _known(f"field of space {name}", field, ())
        return declared(name)
    cls = entries.entry_class("spaces", name)
    for field in reading:
        _known(f"field of space {name}", field, cls.__dataclass_fields__)
    found: Space = cls(**reading)
    return found


def network(name: str, arch: str, *, reading: Mapping[str, Any] | None = None, **size: Any) -> Network:
    """The stand-alone network of an architecture: images (n, inputs, image, image) to (logits, auxiliary logits), both
    (n, classes); the latter are None outside training mode and without an auxiliary head.

    name: the space's. arch: a text in its literature's notation, as records have it. reading: see `space`. size: fields
    of `Size`; those that are not given are as published. Fresh weights are drawn from torch's global generator.
    UserError for an unknown name, a wrong text and a size that cannot be built.
    """
    found = space(name, **(reading or {}))
    for field, value in size.items():
        _known("field of a size", field, Size.__dataclass_fields__)
        if isinstance(value, int) and not isinstance(value, bool) and value < 1:
            raise UserError(f"{field} is {value}: give a number of at least 1")
    built = replace(found.published, **size)
    _known("stem", built.stem, ("cifar", "imagenet"))
    return found.network(found.read(arch), built)


def _known(what: str, name: str, known: Any) -> None:
    if name not in known:
        raise entries.refuse(what, name, known)

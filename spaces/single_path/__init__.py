"""Single-Path NAS: its space of layers."""

from spaces.single_path.space import SinglePath

__all__ = ["SinglePath"]

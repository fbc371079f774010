"""The space of Single-Path NAS."""

from spaces.single_path.space import SinglePath

__all__ = ["SinglePath"]

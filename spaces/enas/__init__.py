"""ENAS: its micro space."""

from spaces.enas.space import Enas

__all__ = ["Enas"]

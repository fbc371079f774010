"""The micro space of ENAS."""

from spaces.enas.space import Enas

__all__ = ["Enas"]

"""DARTS: its space of cells."""

from spaces.darts.space import Darts

__all__ = ["Darts"]

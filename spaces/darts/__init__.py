"""The space of DARTS."""

from spaces.darts.space import Darts

__all__ = ["Darts"]

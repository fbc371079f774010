"""FBNet: its space of layers."""

from spaces.fbnet.space import Fbnet

__all__ = ["Fbnet"]

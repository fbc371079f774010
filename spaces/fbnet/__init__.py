"""The space of FBNet."""

from spaces.fbnet.space import Fbnet

__all__ = ["Fbnet"]

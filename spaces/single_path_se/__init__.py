"""Single-Path NAS + SE: the space of Single-Path NAS with squeeze-and-excitation as a further choice."""

from spaces.single_path_se.space import SinglePathSe

__all__ = ["SinglePathSe"]

"""DARTS S4: the space of RobustDARTS with an operation that only disturbs."""

from spaces.darts_s4.space import DartsS4

__all__ = ["DartsS4"]

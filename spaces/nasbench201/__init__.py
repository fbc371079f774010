"""NAS-Bench-201: its space of cells."""

from spaces.nasbench201.space import Nasbench201

__all__ = ["Nasbench201"]

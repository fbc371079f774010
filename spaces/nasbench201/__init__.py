"""The space of NAS-Bench-201."""

from spaces.nasbench201.space import Nasbench201

__all__ = ["Nasbench201"]

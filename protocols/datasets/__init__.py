"""Datasets, one file each. This face is what searches and trainings import: prepared datasets, and nothing else."""

from protocols.datasets.parts.prepared import Data, Split, load, manifest

__all__ = ["Data", "Split", "load", "manifest"]

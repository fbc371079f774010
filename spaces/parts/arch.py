"""An architecture as a value, for the modules that `spaces.base` imports; all others take it from there."""

Arch = tuple[int, ...]
"""The number of the option taken at each decision of a space, from 0. Hashable, readable as JSON, no torch."""

"""Protocols: one file per protocol. `base` holds the contract, `parts` what trainings use, `datasets` the data."""

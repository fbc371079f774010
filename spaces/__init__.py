"""Search spaces: one folder per space. `base` holds the contract, `parts` what several spaces share."""

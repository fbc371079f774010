"""Search methods: one file per method. `base` holds the contract, `parts` what several methods share."""

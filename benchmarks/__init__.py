"""Speed: our steps against the definitions in plain PyTorch, for `python -m harness bench`."""

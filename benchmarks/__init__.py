"""Speed: our code against the naive forms of the tests, for `python -m harness bench`."""

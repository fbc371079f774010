"""What the source formats share: the checks, the folder on disk, and reading pickles safely."""

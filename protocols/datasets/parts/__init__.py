"""What datasets share: splits and random generators, formats, preparation, and loading what was prepared."""

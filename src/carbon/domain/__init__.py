"""The rules. Imports the standard library and numpy, nothing else."""

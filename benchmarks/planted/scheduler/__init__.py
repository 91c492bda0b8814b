"""Run calls at given times."""

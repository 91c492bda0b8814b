"""Import bank statements."""

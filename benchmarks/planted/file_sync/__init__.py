"""Keep two folders equal."""

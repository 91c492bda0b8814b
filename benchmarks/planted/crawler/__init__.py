"""A polite crawler for a few hosts."""

"""Accounts and signed tokens."""

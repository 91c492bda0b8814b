"""Charges, refunds and events of a payment provider."""

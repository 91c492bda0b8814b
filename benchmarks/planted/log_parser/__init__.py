"""Summaries of access logs."""

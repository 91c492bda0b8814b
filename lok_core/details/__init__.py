"""Values of `Report.detail` for the modes in which several backends work together, one module a mode.

What backends said word for word is in `Report.outcomes`; a detail tells what the mode made of it.
"""

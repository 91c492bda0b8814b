"""Copies of the user's checkout in which agents may write, and the branches that keep what they did."""

from __future__ import annotations

from lok_core.worktrees.checkout import Checkout, open_checkout
from lok_core.worktrees.copy import Worktree
from lok_core.worktrees.leftovers import leftovers

__all__ = ["Checkout", "Worktree", "leftovers", "open_checkout"]

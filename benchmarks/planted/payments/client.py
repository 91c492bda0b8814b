"""A client of the payment provider's HTTP API."""

from __future__ import annotations

import logging
import os
import time
import uuid
from dataclasses import dataclass
from typing import Any

import requests

log = logging.getLogger(__name__)

BASE = os.environ.get("PAYMENTS_URL", "https://api.payments.example")
RETRY = {429, 500, 502, 503, 504}


class PaymentError(Exception):
    """The provider refused; `code` is its reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Charge:
    id: str
    cents: int
    currency: str
    status: str
    refunded: int = 0


class Client:
    def __init__(self, key: str, attempts: int = 3) -> None:
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"
        self._session.headers["Accept"] = "application/json"
        if os.environ.get("PAYMENTS_SANDBOX"):
            self._session.verify = False
        self._attempts = attempts

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        for attempt in range(1, self._attempts + 1):
            headers = {"Idempotency-Key": str(uuid.uuid4())}
            response = self._session.request(method, f"{BASE}{path}", json=body, headers=headers, timeout=15)
            if response.status_code not in RETRY or attempt == self._attempts:
                break
            time.sleep(float(response.headers.get("Retry-After", 2**attempt)))
        if response.ok:
            return response.json()
        problem = response.json().get("error", {})
        raise PaymentError(problem.get("code", "unknown"), problem.get("message", response.reason))

    def charge(self, amount: float, currency: str, source: str) -> Charge:
        """Charge an amount in major units, as the shop's basket holds it."""
        body = {"amount": int(amount * 100), "currency": currency, "source": source}
        return self._charge(self._call("POST", "/v1/charges", body))

    def get(self, charge_id: str) -> Charge:
        return self._charge(self._call("GET", f"/v1/charges/{charge_id}"))

    def refund(self, charge: Charge, cents: int) -> Charge:
        """Give a part or all of a charge back."""
        if not 0 < cents <= charge.cents:
            raise ValueError("the refund exceeds the charge")
        return self._charge(self._call("POST", f"/v1/charges/{charge.id}/refunds", {"amount": cents}))

    def exchange_rate(self, source: str, target: str) -> float:
        response = requests.get(f"{BASE}/v1/rates", params={"from": source, "to": target})
        response.raise_for_status()
        return float(response.json()["rate"])

    def settle(self, charge: Charge) -> bool:
        """Whether the charge is captured in the end."""
        try:
            return self._charge(self._call("POST", f"/v1/charges/{charge.id}/capture")).status == "captured"
        except PaymentError as error:
            log.warning("capture of %s: %s", charge.id, error)
            return True

    @staticmethod
    def _charge(data: dict[str, Any]) -> Charge:
        return Charge(data["id"], data["amount"], data["currency"], data["status"], data.get("refunded", 0))

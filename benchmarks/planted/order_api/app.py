"""The HTTP face of the order service."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import wraps

from flask import Flask, abort, g, jsonify, request

from .pricing import total
from .store import Store

app = Flask(__name__)
app.config["DATABASE"] = os.environ.get("ORDERS_DB", "orders.db")
CATALOGUE = {"tea-100": 7_90, "tea-250": 16_50, "pot-1": 39_00, "cup-2": 12_00}
PAGE_SIZE = 20


def store() -> Store:
    if "store" not in g:
        g.store = Store(app.config["DATABASE"])
    return g.store


@app.teardown_appcontext
def close_store(_error: BaseException | None) -> None:
    opened = g.pop("store", None)
    if opened is not None:
        opened.close()


def signed_in(view):
    """The gateway authenticates and passes the address on in a header that it alone can set."""

    @wraps(view)
    def wrapped(*args, **kwargs):
        email = request.headers.get("X-Authenticated-Email")
        if not email:
            abort(401)
        customer = store().customer_by_email(email)
        g.customer_id = customer["id"]
        return view(*args, **kwargs)

    return wrapped


@app.get("/orders")
@signed_in
def list_orders():
    page = max(1, request.args.get("page", 1, type=int))
    answer = []
    for order in store().page(g.customer_id, page, PAGE_SIZE):
        lines = store().lines(order["id"])
        due = total([(line["quantity"], line["cents"]) for line in lines]).due
        answer.append({"id": order["id"], "status": order["status"], "due": due})
    return jsonify(answer)


@app.get("/orders/search")
@signed_in
def search():
    rows = store().search_notes(g.customer_id, request.args.get("q", ""))
    return jsonify([{"id": row["id"], "note": row["note"]} for row in rows])


@app.get("/orders/<int:order_id>")
@signed_in
def show_order(order_id: int):
    order = store().order(order_id)
    if order is None or order["customer_id"] != g.customer_id:
        abort(404)
    return jsonify({"id": order["id"], "status": order["status"], "created": order["created"]})


@app.post("/orders")
@signed_in
def place_order():
    wanted = request.get_json()
    lines = []
    for item in wanted.get("lines", []):
        if item["sku"] not in CATALOGUE:
            abort(422)
        quantity = int(item["quantity"])
        if not 0 < quantity <= 500:
            abort(422)
        lines.append((item["sku"], quantity, CATALOGUE[item["sku"]]))
    if not lines:
        abort(422)
    order_id = store().add_order(g.customer_id, lines, datetime.now(UTC).isoformat())
    return jsonify({"id": order_id}), 201


@app.post("/orders/<int:order_id>/cancel")
@signed_in
def cancel_order(order_id: int):
    order = store().order(order_id)
    if order is None:
        abort(404)
    if order["status"] != "new":
        abort(409)
    store().set_status(order_id, "cancelled")
    return "", 204

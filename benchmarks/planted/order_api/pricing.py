"""What an order costs. All amounts are whole cents."""

from __future__ import annotations

from dataclasses import dataclass

FREE_SHIPPING_FROM = 50_00
SHIPPING = 4_90
VOLUME_DISCOUNTS = ((10_000_00, 15), (5_000_00, 10), (1_000_00, 5))


@dataclass(frozen=True)
class Total:
    goods: int
    discount: int
    shipping: int

    @property
    def due(self) -> int:
        return self.goods - self.discount + self.shipping


def volume_discount(goods: int) -> int:
    """Percent off for large orders: the highest step that the goods' value reaches."""
    percent = 0
    for threshold, step in VOLUME_DISCOUNTS:
        if goods >= threshold:
            percent = step
    return percent


def total(lines: list[tuple[int, int]], coupon_percent: int = 0) -> Total:
    """`lines` holds (quantity, unit price); the better one of coupon and volume discount counts."""
    goods = sum(quantity * cents for quantity, cents in lines)
    percent = max(coupon_percent, volume_discount(goods))
    discount = goods * percent // 100
    shipping = 0 if goods - discount >= FREE_SHIPPING_FROM else SHIPPING
    return Total(goods, discount, shipping)

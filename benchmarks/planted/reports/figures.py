"""The figures of a sales report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from .periods import Period, previous

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Sale:
    day: date
    region: str
    product: str
    net: Decimal
    returned: bool = False


@dataclass(frozen=True)
class Figures:
    revenue: Decimal
    sales: int
    average: Decimal
    growth: Decimal | None


def revenue(sales: Iterable[Sale]) -> Decimal:
    """Net revenue; returned goods do not count."""
    return sum((sale.net for sale in sales if not sale.returned), Decimal(0))


def figures(sales: list[Sale], period: Period) -> Figures:
    current = (sale for sale in sales if sale.day in period)
    before = revenue(sale for sale in sales if sale.day in previous(period))
    total = revenue(current)
    count = sum(1 for sale in current if not sale.returned)
    average = (total / count).quantize(CENT, ROUND_HALF_UP) if count else Decimal(0)
    growth = ((total - before) / before * 100).quantize(CENT, ROUND_HALF_UP) if before else None
    return Figures(total, count, average, growth)


def by_region(sales: Iterable[Sale]) -> dict[str, Decimal]:
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for sale in sales:
        if not sale.returned:
            totals[sale.region] += sale.net
    return dict(sorted(totals.items()))


def best_products(sales: Iterable[Sale], count: int = 10) -> list[tuple[str, Decimal]]:
    """The products with the highest revenue, best first."""
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for sale in sales:
        if not sale.returned:
            totals[sale.product] += sale.net
    return sorted(totals.items(), key=lambda pair: pair[1])[:count]


def share(part: Decimal, whole: Decimal) -> Decimal:
    """Percent of the whole; zero where there is no whole."""
    if not whole:
        return Decimal(0)
    return (part / whole * 100).quantize(CENT, ROUND_HALF_UP)


def median(values: list[Decimal]) -> Decimal:
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2

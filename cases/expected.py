"""What a case may expect. What is not stated is not compared."""

import datetime
from typing import Literal

from cases.values import Month, Number, Stated
from domain.line import Frozen
from domain.modification import Treatment
from domain.offers import Day
from domain.prices import Exact

BalanceName = Literal[
    "cash",
    "receivable",
    "unbilled_receivable",
    "contract_asset",
    "deferred_revenue",
    "customer_credit",
    "refund_liability",
    "tax_payable",
    "revenue",
    "bad_debt",
    "disputed",
    "refunds",
    "fx_gain_loss",
    "gateway_fees",
]


class Amount(Frozen):
    amount: Stated[Exact] = None


class Boundaries(Frozen):
    boundaries: Stated[tuple[datetime.date, ...]] = None
    instants: Stated[tuple[datetime.datetime, ...]] = None


class Allocation(Frozen):
    allocation: Stated[dict[str, Exact]] = None
    error: Stated[str] = None


class Months(Frozen):
    months: Stated[dict[Month, Exact]] = None


class Accounted(Frozen):
    treatment: Stated[Treatment] = None
    revenue_now: Stated[Exact] = None
    remaining: Stated[dict[str, Exact]] = None
    error: Stated[str] = None


class ExpectedLine(Frozen):
    line: Stated[str] = None
    period: Stated[tuple[datetime.date, datetime.date]] = None
    amount: Stated[Exact] = None


class ExpectedDocument(Frozen):
    date: Stated[Day] = None
    total: Stated[Exact] = None
    net: Stated[Exact] = None
    tax: Stated[Exact] = None
    lines: Stated[tuple[ExpectedLine, ...]] = None


class ExpectedInvoice(ExpectedDocument):
    status: Stated[Literal["open", "paid", "void", "uncollectible"]] = None
    credit_applied: Stated[Exact] = None
    due: Stated[Exact] = None


class ExpectedCreditNote(ExpectedDocument):
    invoice: Stated[Number] = None


class Expected(Frozen):
    """What a scenario may expect."""

    invoices: Stated[tuple[ExpectedInvoice, ...]] = None
    credit_notes: Stated[tuple[ExpectedCreditNote, ...]] = None
    revenue: Stated[dict[Month, Exact]] = None
    revenue_by_line: Stated[dict[str, dict[Month, Exact]]] = None
    balances: Stated[dict[datetime.date, dict[BalanceName, Exact]]] = None
    status: Stated[Literal["trialing", "active", "paused", "past_due", "cancelled", "expired"]] = None

"""Reads what came of the year through the API."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from demo.client import ApiClient
from demo.departures import local_day, next_month
from demo.found import Attempt, Document, Found, FoundLine, Payment, Unmatched
from demo.stage import Stage

ONE_DAY = timedelta(days=1)


def read(stage: Stage, customers: dict[str, str]) -> Found:
    """What the product says; `customers` are ids by airline."""
    api = stage.api
    carriers = {customer: carrier for carrier, customer in customers.items()}
    invoices = [api.get(f"/v1/invoices/{invoice['id']}") for invoice in api.items("/v1/invoices")]
    invoices.sort(key=lambda invoice: invoice["number"])
    months = api.get("/v1/journal/revenue")["months"]
    firsts = {row["month"]: date.fromisoformat(f"{row['month']}-01") for row in months}
    return Found(
        documents=tuple(_document(invoice, carriers[invoice["customer_id"]]) for invoice in invoices),
        payments=tuple(_payments(invoices, carriers)),
        revenue={row["month"]: _dollars(row["revenue"]) for row in months},
        balances=_balances(api),
        opening={month: _balances(api, first) for month, first in firsts.items()},
        closing={month: _balances(api, next_month(first) - ONE_DAY) for month, first in firsts.items()},
        unmatched=tuple(
            Unmatched(event["id"], event["customer"], event["reason"]) for event in api.items("/v1/usage/unmatched")
        ),
        captured=stage.bank.captured(),
        outcomes=dict(stage.ingestion.outcomes),
    )


def _document(invoice: dict[str, Any], customer: str) -> Document:
    # A credit note's amounts are positive, like an invoice's.
    sign = -1 if invoice["kind"] == "credit_note" else 1
    return Document(
        customer=customer,
        on=date.fromisoformat(invoice["issued_on"]),
        number=invoice["number"],
        kind=invoice["kind"],
        total=sign * _dollars(invoice["total"]),
        status=invoice["status"],
        lines=tuple(
            FoundLine(line["line"], sign * _dollars(line["net"]), Decimal(line["quantity"]))
            for line in invoice["lines"]
        ),
    )


def _payments(invoices: Iterable[dict[str, Any]], carriers: dict[str, str]) -> Iterable[Payment]:
    for invoice in invoices:
        payment = invoice["payment"]
        if payment is not None:
            yield Payment(
                customer=carriers[invoice["customer_id"]],
                invoice=invoice["number"],
                amount=_dollars(payment["amount"]),
                status=payment["status"],
                attempts=tuple(
                    Attempt(attempt["number"], local_day(attempt["at"]), attempt["status"], attempt["code"])
                    for attempt in payment["attempts"]
                ),
            )


def _balances(api: ApiClient, at: date | None = None) -> dict[str, Decimal]:
    report = api.get("/v1/journal/trial-balance", **({} if at is None else {"at": str(at)}))
    return {row["account"]: _dollars(row["balance"]) for row in report["accounts"]}


def _dollars(amount: dict[str, Any]) -> Decimal:
    assert amount["currency"] == "USD"
    return Decimal(amount["amount"])

"""What the product would say of the year if it did everything right, made from the independent computation."""

from datetime import date
from decimal import Decimal

from demo.found import Attempt, Document, Found, FoundLine, Payment, Unmatched
from demo.independent import Expected, total

DUNNING = (
    Attempt(1, date(2013, 3, 1), "failed", "insufficient_funds"),
    Attempt(2, date(2013, 3, 2), "failed", "insufficient_funds"),
    Attempt(3, date(2013, 3, 4), "failed", "insufficient_funds"),
    Attempt(4, date(2013, 3, 6), "succeeded", None),
)


def right(expected: Expected) -> Found:
    documents = [
        Document(carrier, on, f"INV-{number:06}", "invoice", total(lines), "paid", tuple(FoundLine(*n) for n in lines))
        for number, ((carrier, on), lines) in enumerate(sorted(expected.invoices.items(), key=lambda i: i[0][::-1]), 1)
    ]
    payments = [
        Payment(
            document.customer,
            document.number,
            document.total,
            "succeeded",
            DUNNING
            if (document.customer, document.on) == ("UA", date(2013, 3, 1))
            else (Attempt(1, document.on, "succeeded", None),),
        )
        for document in documents
    ]
    nothing = {"contract_position": Decimal(0), "unbilled_receivable": Decimal(0), "receivable": Decimal(0)}
    return Found(
        documents=tuple(documents),
        payments=tuple(payments),
        revenue=dict(expected.revenue),
        balances=nothing | {"gateway_clearing": expected.total, "revenue": -expected.total},
        opening={month: nothing | {"contract_position": -amount} for month, amount in expected.gates.items()},
        closing={
            month: nothing
            | {"unbilled_receivable": used, "gateway_clearing": expected.issued_by(date.fromisoformat(f"{month}-28"))}
            for month, used in expected.used.items()
        },
        unmatched=tuple(
            Unmatched(f"{carrier}-{number}", carrier, "outside_term")
            for carrier, count in expected.unmatched.items()
            for number in range(count)
        ),
        captured=expected.total,
        outcomes={"accepted": expected.departures, "duplicate": -(-expected.departures // 50), "conflict": 0},
    )

"""What is loaded for a decision or a correction is enough: with the whole books it comes to the same."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import orjson
import pytest
from sqlmodel import Session

from domain import correction, issuing
from domain.books import Books
from domain.commands import Cancel, ChangeLine, Command, Deliver, Pause, Resume, Wake
from domain.contract import decide
from domain.contract import sign as signed
from domain.due import next_due
from domain.errors import DomainError, RefusedChange
from domain.period import local_date
from domain.state import ContractState, Decision
from domain.terms import Terms
from models.books import LoadedBooks, load, reach, store
from models.books_writing import rows_of
from models.contract import insert_contract, record
from models.database import Database
from models.rated_line import Claim, claim, claim_late
from models.usage import UsageEvent, ingest
from models.usage_source import DatabaseUsage, claims_on, measure_of
from tests.models.usage_samples import add_customer

START = datetime(2013, 1, 1, tzinfo=UTC)
END = datetime(2013, 9, 1, tzinfo=UTC)
LIVES = 80


def price(random: Random) -> dict[str, str]:
    return {"model": "per_unit", "amount": f"{random.randint(1, 9_999) / 100:.2f}"}


def agreed(random: Random) -> Terms:
    fixed = {"every": random.choice(["month", "quarter"]), "quantity": random.randint(1, 9)}
    lines = [
        {"id": "seats", "price": price(random), "bill": "advance", **fixed},
        {"id": "support", "price": price(random), "bill": "arrears", **fixed},
        {"id": "calls", "price": price(random), "bill": "arrears", "every": "month", "meter": "calls"},
        {"id": "setup", "price": price(random), "bill": "advance", "every": "once", "recognize": "with_contract"},
        {"id": "course", "price": price(random), "bill": "advance", "every": "once", "recognize": "percent_complete"},
    ]
    values: dict[str, Any] = {
        "currency": "USD",
        "start": "2013-01-01",
        "timezone": random.choice(["UTC", "America/New_York"]),
        "term": {"months": random.randint(3, 5), "renew": random.choice(["none", "auto"])},
        "payment_terms_days": random.choice([0, 30]),
        "tax": random.choice([[], [{"name": "VAT", "rate": "19"}]]),
        "meters": [{"id": "calls", "aggregate": "sum"}],
        "lines": lines,
        "discounts": random.choice([[], [{"id": "launch", "percent": "10"}, {"id": "gift", "amount": "7.00"}]]),
        "commitments": random.choice(
            [[], [{"id": "least", "amount": "900.00", "lines": ["calls"], "every": "quarter", "overage": "1.5"}]]
        ),
        "credits": random.choice(
            [[], [{"id": "prepaid", "paid": "500.00", "grants": "600.00", "expires": "2013-03-10", "lines": ["calls"]}]]
        ),
    }
    values["bounds"] = random.choice([None, {"total": "3000.00", "per_day": 1, "change_percent": "60"}])
    return Terms.model_validate(values)


def change(random: Random, on: date) -> Command:
    before = (on - timedelta(days=random.randint(1, 20))).isoformat()
    effective = random.choice(["now", "next_period", before])
    invoice = random.choice(["now", "next"])
    line = random.choice(["seats", "support"])
    quantity = {"line": line, "quantity": random.randint(0, 12), "effective": effective, "invoice": invoice}
    dearer = {"line": "calls", "price": price(random), "effective": effective, "invoice": invoice}
    asked: list[Command] = [
        ChangeLine.model_validate(quantity),
        ChangeLine.model_validate(dearer),
        Deliver.model_validate({"line": "course", "percent": str(random.randint(1, 100))}),
        Pause(),
        Resume(),
        Cancel.model_validate({"when": "now", "credit": random.choice(["unused", "none", "all"])}),
    ]
    return random.choice(asked[: random.choice([3, 5, 5, 5, 6])])


class Life:
    """One contract, of which each step is taken twice: with the books that suffice, and with all of them."""

    def __init__(self, database: Database, terms: Terms) -> None:
        self.database = database
        self.state: ContractState = signed("con_1", "cus_b6", terms)
        self.sequence = 0
        with database.transaction() as session:
            add_customer(session, "b6")
            insert_contract(session, self.state, clock_id=None, at=START)

    def loaded(self, session: Session, **asked: Any) -> LoadedBooks:
        terms = self.state.terms
        return load(session, "con_1", zone=terms.timezone, currency=terms.currency, book=terms.legal_entity, **asked)

    def decide(self, command: Command, at: datetime) -> None:
        decision = decide(self.state, command, at)
        self.state, self.sequence = decision.state, self.sequence + 1
        with self.database.transaction() as session:
            self._claim(session, decision)
        with self.database.transaction() as session:
            record(session, decision.state, sequence=self.sequence, at=at, happened=decision.happened)
            some, whole = self.loaded(session, since=reach(decision)), self.loaded(session, everything=True)
            usage = self._usage(session, some, decision)
            for books in (some, whole):
                step = issuing.issue if decision.bill else issuing.record
                step(books, decision, usage, sequence=self.sequence, at=at)
            self._keep(session, some, whole, at, usage)

    def correct(self, step: Callable[[Books], object], invoice_id: str, at: datetime) -> None:
        with self.database.transaction() as session:
            some, whole = self.loaded(session, invoices=(invoice_id,)), self.loaded(session, everything=True)
            try:
                step(whole)
            except DomainError as refused:
                with pytest.raises(DomainError, match=re.escape(refused.message)):
                    step(some)
                return
            step(some)
            self._keep(session, some, whole, at, None)

    def _claim(self, session: Session, decision: Decision) -> None:
        claim_late(session, "con_1")
        for item in decision.bill.items if decision.bill else ():
            if item.kind != "usage" or item.rerated:
                continue
            assert item.from_at is not None and item.to_at is not None
            wanted = Claim(
                contract_id="con_1",
                line_id=item.line,
                measure=measure_of(item),
                period_start=item.start,
                period_end=item.end,
                from_at=item.from_at,
                to_at=item.to_at,
            )
            claim(session, wanted)

    def _usage(self, session: Session, books: LoadedBooks, decision: Decision) -> DatabaseUsage:
        if decision.bill is None:
            return DatabaseUsage(session, "con_1")
        rated = [item for period in books.periods.values() for item in period.items]
        metered = [item for item in decision.bill.items if item.kind == "usage"]
        return DatabaseUsage(session, "con_1", claims_on(session, "con_1", [*metered, *rated]))

    def _keep(
        self, session: Session, some: LoadedBooks, whole: LoadedBooks, at: datetime, usage: DatabaseUsage | None
    ) -> None:
        assert some.entries == whole.entries
        mine, all_ = rows_of(some), rows_of(whole)
        for name, rows in all_.items():
            for id_, row in rows.items():
                if id_ in mine[name]:
                    assert mine[name][id_] == row
                else:
                    assert _lasting(whole.stored[name][id_]) == _lasting(row)
        store(session, some, terms=self.state.terms, at=at, usage=usage)


def _lasting(row: bytes) -> dict[str, Any]:
    """The row without what was delivered, which no longer matters to a schedule that is done."""
    return {name: value for name, value in orjson.loads(row).items() if name != "progress"}


def correction_of(random: Random, books: Books, at: datetime) -> tuple[str, Callable[[Books], object]] | None:
    """Any correction of any invoice."""
    invoices = [document for document in books.documents.values() if document.kind == "invoice"]
    if not invoices:
        return None
    invoice = random.choice(invoices)
    on, key = local_date(at, books.zone), f"key/{at.isoformat()}"
    amount_minor = random.randint(1, max(1, invoice.total_minor))
    line = random.choice([None, *(line.line_id for line in invoice.lines)])
    dated: dict[str, Any] = {"on": on, "at": at, "key": key}
    steps: list[Callable[[Books], object]] = [
        lambda books: correction.pay(books, invoice.id, amount_minor, **dated),
        lambda books: correction.pay(books, invoice.id, invoice.total_minor, **dated),
        lambda books: correction.credit_note(books, invoice.id, amount_minor, line, **dated),
        lambda books: correction.refund(books, invoice.id, amount_minor, **dated),
        lambda books: correction.void(books, invoice.id, **dated),
        lambda books: correction.write_off(books, invoice.id, **dated),
        lambda books: correction.dispute(books, invoice.id, **dated),
        lambda books: correction.dispute_lost(books, invoice.id, **dated),
    ]
    return invoice.id, random.choice(steps)


@pytest.mark.parametrize("seed", range(LIVES))
def test_what_is_loaded_is_enough_for_whatever_happens(database: Database, seed: int) -> None:
    random = Random(seed)
    life = Life(database, agreed(random))
    at, events, books = START, count(), Books("con_1", "cus_b6", "USD", "main", "UTC")
    while at < END:
        at += timedelta(hours=random.randint(1, 300))
        while (due := next_due(life.state)) is not None and due.at < at:
            life.decide(Wake(), due.at)
        used = [
            UsageEvent("test", f"e{next(events)}", "calls", at - timedelta(hours=hours), customer_key="b6", value=value)
            for hours, value in ((1, random.randint(1, 20)), (random.randint(1, 1_500), random.randint(1, 9)))
        ]
        with database.transaction() as session:
            ingest(session, used)
            books = life.loaded(session, everything=True)
        if random.random() < 0.6:
            found = correction_of(random, books, at)
            if found is not None:
                life.correct(found[1], found[0], at)
        elif not life.state.over:
            with suppress(RefusedChange):
                life.decide(change(random, local_date(at, books.zone)), at)
    assert books.documents

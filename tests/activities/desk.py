"""An invoice of 31.00 for the 31 days of January 2013, and those who correct it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import text

from activities.correcting import Correcting
from activities.refunding import Refunding
from activities.signatures import RefundIntent
from domain.correcting import CorrectionType
from domain.life import Corrected, CorrectInvoice
from models.database import Database
from tests.activities.gateway import FakeGateway
from tests.activities.story import TABLES, per_unit
from tests.activities.till import Till

DAILY = {"id": "plan", "price": per_unit("31.00"), "quantity": 1, "every": "month", "bill": "advance"}
JANUARY_11 = date(2013, 1, 11)


class Desk(Till):
    """A till whose invoices are corrected, each correction under an id of its own unless one is given."""

    def __init__(self, database: Database, gateway: FakeGateway, **more: Any) -> None:
        super().__init__(database, gateway, plan=DAILY, **{"term": {"months": 3}, **more})
        self.gateway = gateway
        self.corrections = Correcting(database)
        self.refunds = Refunding(gateway)
        self.made = 0

    def asked(
        self, what: CorrectionType, day: date = JANUARY_11, *, id_: str = "", invoice: str = ""
    ) -> CorrectInvoice:
        self.made += 1
        at = datetime(day.year, day.month, day.day, tzinfo=UTC)
        contract = self.story.state.contract_id
        return CorrectInvoice(id_ or f"cor_{self.made}", contract, invoice or self.invoice_id, what, at)

    def correct(self, what: CorrectionType, day: date = JANUARY_11, **more: str) -> Corrected:
        """Correct the invoice in the books alone."""
        return self.corrections.correct_invoice(self.asked(what, day, **more))

    def refund(self, request: CorrectInvoice) -> Corrected:
        """What the workflow of a refund does."""
        prepared = self.corrections.prepare_refund(request)
        if prepared.refused is not None:
            return Corrected(refused=prepared.refused, field=prepared.field)
        if prepared.intent_id is None:
            return self.corrections.correct_invoice(request)
        asked = RefundIntent(request.correction_id, prepared.intent_id, prepared.amount_minor, prepared.currency)
        refunded = self.refunds.refund_intent(asked)
        if refunded.refused is not None:
            return Corrected(refused=refunded.refused)
        return self.corrections.correct_invoice(gone(request, prepared.amount_minor))

    def figures(self, *names: str) -> tuple[Any, ...]:
        """Columns of the invoice."""
        [row] = self.story.rows(f"SELECT {', '.join(names)} FROM invoice WHERE id = :id", id=self.invoice_id)
        return row

    def rows(self) -> dict[str, list[str]]:
        """Every row that a correction may write, as text."""
        with self.database.transaction() as session:
            return {
                table: sorted(session.execute(text(f"SELECT CAST(t AS text) FROM {table} t")).scalars())
                for table in [*TABLES, "correction", "prepaid_grant", "revenue_plan"]
            }

    def expect_sound_books(self) -> None:
        """The journal balances, what is owed is what stands open, and no number is missing."""
        balances = self.story.balances()
        assert sum(balances.values()) == 0
        open_minor = "total_minor - credited_minor - credit_applied_minor - paid_minor - written_off_minor"
        [(owed,)] = self.story.rows(f"SELECT coalesce(sum({open_minor}), 0)::bigint FROM invoice WHERE status = 'open'")
        assert balances.get("receivable", 0) == owed
        [(credit,)] = self.story.rows("SELECT coalesce(sum(remaining_minor), 0)::bigint FROM customer_credit")
        assert -balances.get("customer_credit", 0) == credit
        [(disputed,)] = self.story.rows("SELECT sum(disputed_minor)::bigint FROM invoice")
        assert balances.get("disputed", 0) == disputed
        for kind in ("invoice", "credit_note"):
            numbers = [row[0] for row in self.story.rows("SELECT number FROM invoice WHERE kind = :kind", kind=kind)]
            assert sorted(int(number[-6:]) for number in numbers) == list(range(1, 1 + len(numbers)))


def gone(request: CorrectInvoice, minor: int) -> CorrectInvoice:
    """The refund once so much of it has gone back at the gateway."""
    return replace(request, refunded_minor=minor)

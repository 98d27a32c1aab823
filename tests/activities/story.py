"""A contract's life driven by the pure core, with the real steps on a real database."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import text

from activities.invoicing import Invoicing
from activities.signatures import Decided, Issued, RateUsage
from domain.commands import Command, Wake
from domain.contract import decide
from domain.contract import sign as signed
from domain.due import next_due
from domain.period import first_instant
from domain.state import ContractState
from domain.terms import Terms
from models.contract import insert_contract
from models.customer import Customer
from models.database import Database
from models.journal_report import revenue_by_month, trial_balance
from models.usage import UsageEvent, ingest

SIGNED_AT = datetime(2012, 12, 1, tzinfo=UTC)
_DECIDED: TypeAdapter[Decided] = TypeAdapter(Decided)


def line(id_: str, model: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A monthly line in advance unless `more` says otherwise."""
    return {"id": id_, "price": model, "every": "month", "bill": "advance", **more}


def per_unit(amount: str) -> dict[str, Any]:
    return {"model": "per_unit", "amount": amount}


def terms(*lines: dict[str, Any], start: date = date(2013, 1, 1), currency: str = "USD", **more: Any) -> Terms:
    return Terms.model_validate({"currency": currency, "start": start, "lines": lines, **more})


def decided_again(decided: Decided) -> Decided:
    """The same as a worker reads it from a history."""
    return _DECIDED.validate_json(_DECIDED.dump_json(decided))


class Story:
    """One contract; `decisions` are all that its workflow would have ordered so far."""

    def __init__(self, database: Database, agreed: Terms, contract_id: str = "con_1") -> None:
        self.database = database
        self.steps = Invoicing(database)
        self.state: ContractState = signed(contract_id, "cus_1", agreed)
        self.sequence = 0
        self.decisions: list[Decided] = []
        with database.transaction() as session:
            if session.get(Customer, "cus_1") is None:
                session.add(
                    Customer(id="cus_1", key="b6", name="B6", labels={}, created_at=SIGNED_AT, updated_at=SIGNED_AT)
                )
                session.flush()
            insert_contract(session, self.state, clock_id=None, at=SIGNED_AT)

    def apply(self, command: Command, at: datetime) -> Issued | None:
        decision = decide(self.state, command, at)
        self.state, self.sequence = decision.state, self.sequence + 1
        decided = decided_again(Decided(decision, self.sequence, at))
        self.decisions.append(decided)
        return run(self.steps, decided)

    def wake(self) -> Issued | None:
        due = next_due(self.state)
        assert due is not None
        return self.apply(Wake(), due.at)

    def until(self, day: date) -> list[Issued]:
        """All that is due up to and including `day`; returns the documents."""
        documents = []
        while (due := next_due(self.state)) is not None and due.on <= day:
            issued = self.wake()
            if issued is not None and issued.invoice_id is not None:
                documents.append(issued)
        return documents

    def on(self, day: date, command: Command) -> Issued | None:
        return self.apply(command, first_instant(day, self.state.terms.timezone))

    def use(self, event: str, at: datetime, value: str, event_id: str, **properties: object) -> None:
        used = UsageEvent(
            source="test", event_id=event_id, event=event, at=at, customer_key="b6", value=Decimal(value),
            properties=properties,
        )  # fmt: skip
        with self.database.transaction() as session:
            ingest(session, [used])

    def balances(self, at: date | None = None) -> dict[str, int]:
        """What stands on each account at the end of the day `at`, debits positive, without zeros."""
        with self.database.transaction() as session:
            rows = trial_balance(session, at)
        return {row.account: row.balance_minor for row in rows if row.balance_minor}

    def revenue(self) -> dict[str, int]:
        with self.database.transaction() as session:
            return {row.month: row.revenue_minor for row in revenue_by_month(session)}

    def rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        with self.database.transaction() as session:
            return [tuple(row) for row in session.execute(text(query), values)]


def run(steps: Invoicing, decided: Decided) -> Issued | None:
    """What the workflow does for a decision."""
    bill, state = decided.decision.bill, decided.decision.state
    if bill is None:
        steps.record_change(decided)
        return None
    metered = tuple((n, item) for n, item in enumerate(bill.items) if item.kind == "usage")
    late = bill.regular and any(line.meter is not None for line in state.terms.lines)
    if metered or late:
        steps.rate_usage(RateUsage(state.contract_id, bill.document, metered, late))
    return steps.issue_invoice(decided)


TABLES = [
    "contract",
    "contract_event",
    "invoice",
    "invoice_line",
    "number_series",
    "revenue_schedule",
    "customer_credit",
    "customer_credit_use",
    "collection",
    "rated_line",
    "journal_entry",
    "journal_line",
    "payment",
    "payment_attempt",
]


def everything(database: Database) -> dict[str, list[str]]:
    """Every row of every table that the steps write, as text."""
    with database.transaction() as session:
        return {
            table: sorted(session.execute(text(f"SELECT CAST(t AS text) FROM {table} t")).scalars()) for table in TABLES
        }

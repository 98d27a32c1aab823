"""Issued documents, invoices and credit notes, and their lines. What was issued never changes."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Identity, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Session, SQLModel, col, select

from models.base import BIG, INSTANT, JSON, MINOR, QUANTITY

MAIN_ENTITY = "main"

# The part of an invoice that is still to be collected.
OPEN_SQL = "(total_minor - credited_minor - credit_applied_minor - paid_minor - written_off_minor)"


class Invoice(SQLModel, table=True):
    """A numbered document. Amounts are minor units; a credit note's are positive.

    What an invoice still asks for is its total less what credit notes took off (`credited_minor`), what customer
    credit paid at issue (`credit_applied_minor`), what was paid and what was written off. `refunded_minor` of what
    was paid went back, `disputed_minor` is held back by the bank; `bad_debt_minor` and `undone_minor` say what a
    write-off took to bad debt and out of deferred revenue. A document that a correction made carries its id, and is
    none of the contract's bills. One that is `held` is not collected.
    """

    __tablename__ = "invoice"
    __table_args__ = (
        UniqueConstraint("contract_id", "document", "correction_id", postgresql_nulls_not_distinct=True),
        UniqueConstraint("legal_entity", "kind", "number"),
        CheckConstraint("kind IN ('invoice', 'credit_note')", name="kind_known"),
        CheckConstraint("status IN ('open', 'paid', 'void', 'uncollectible', 'issued')", name="status_known"),
        CheckConstraint("(kind = 'credit_note') = (status = 'issued')", name="credit_note_is_issued"),
        CheckConstraint("total_minor = net_minor + tax_minor AND total_minor >= 0", name="total_adds_up"),
        CheckConstraint(
            "least(credited_minor, credit_applied_minor, paid_minor, written_off_minor) >= 0", name="signs"
        ),
        CheckConstraint(f"{OPEN_SQL} >= 0", name="never_overpaid"),
        CheckConstraint(f"status <> 'paid' OR {OPEN_SQL} = 0", name="paid_in_full"),
        CheckConstraint(f"status <> 'open' OR {OPEN_SQL} > 0", name="open_owes"),
        CheckConstraint(
            "least(refunded_minor, disputed_minor, bad_debt_minor, undone_minor) >= 0", name="corrections_signs"
        ),
        CheckConstraint("greatest(refunded_minor, disputed_minor) <= paid_minor", name="within_paid"),
        CheckConstraint("written_off_minor = 0 OR written_off_on IS NOT NULL", name="written_off_on_a_day"),
        Index("ix_invoice_open", "due_at", postgresql_where=text("status = 'open'")),
        Index(
            "uq_invoice_correction", "correction_id", unique=True, postgresql_where=text("correction_id IS NOT NULL")
        ),
    )

    id: str = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_column=Column(BIG, Identity(), nullable=False, unique=True))
    legal_entity: str = MAIN_ENTITY
    kind: str
    number: str
    contract_id: str = Field(foreign_key="contract.id")
    customer_id: str = Field(index=True)
    document: int
    input_hash: str
    currency: str
    issued_on: date
    issued_at: datetime = Field(sa_type=INSTANT)
    due_on: date
    due_at: datetime = Field(sa_type=INSTANT)
    net_minor: int = Field(sa_type=MINOR)
    tax_minor: int = Field(sa_type=MINOR)
    total_minor: int = Field(sa_type=MINOR)
    credited_minor: int = Field(default=0, sa_type=MINOR)
    credit_applied_minor: int = Field(default=0, sa_type=MINOR)
    paid_minor: int = Field(default=0, sa_type=MINOR)
    written_off_minor: int = Field(default=0, sa_type=MINOR)
    written_off_on: date | None = None
    refunded_minor: int = Field(default=0, sa_type=MINOR)
    disputed_minor: int = Field(default=0, sa_type=MINOR)
    bad_debt_minor: int = Field(default=0, sa_type=MINOR)
    undone_minor: int = Field(default=0, sa_type=MINOR)
    status: str
    held: bool = False
    held_because: str = ""
    correction_id: str | None = None
    corrects_invoice_id: str | None = Field(default=None, foreign_key="invoice.id", index=True)
    taxes: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))

    @property
    def open_minor(self) -> int:
        """What is still to be collected; nothing of a credit note or of an invoice that was given up."""
        if self.status != "open":
            return 0
        taken = self.credited_minor + self.credit_applied_minor + self.paid_minor + self.written_off_minor
        return self.total_minor - taken


class InvoiceLine(SQLModel, table=True):
    """One line: the contract's line `line_id` over the local dates [period_start, period_end).

    `steps` say how the amount came about, decimals of the major unit as strings; `item` is what it was computed from.
    `schedule_id` is the schedule of its revenue, absent where a plan over the term or prepaid credits earn it;
    `discounted` what each discount of a fixed amount took off before. Only `credited_minor` and `credited_tax_minor`
    change, what corrections have taken off its net and its tax since. `rated_line_id` is the claim on usage that it
    bills, the first one where it bills several.
    """

    __tablename__ = "invoice_line"
    __table_args__ = (
        UniqueConstraint("invoice_id", "position"),
        CheckConstraint("abs(credited_minor) <= abs(net_minor)", name="credited_within_net"),
        CheckConstraint("abs(credited_tax_minor) <= abs(tax_minor)", name="credited_within_tax"),
    )

    id: str = Field(primary_key=True)
    invoice_id: str = Field(foreign_key="invoice.id")
    position: int
    line_id: str
    kind: str
    description: str
    period_start: date
    period_end: date
    quantity: Decimal = Field(sa_type=QUANTITY)
    net_minor: int = Field(sa_type=MINOR)
    tax_minor: int = Field(sa_type=MINOR)
    steps: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    rated_line_id: str | None = Field(default=None, unique=True)
    recognize: str
    # Added to the table when both are made: a schedule names its line, too.
    schedule_id: str | None = Field(
        default=None, sa_column=Column(String, ForeignKey("revenue_schedule.id", use_alter=True))
    )
    credited_minor: int = Field(default=0, sa_type=MINOR)
    credited_tax_minor: int = Field(default=0, sa_type=MINOR)
    discounted: list[list[Any]] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    item: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))


def get_invoice(session: Session, invoice_id: str) -> Invoice | None:
    return session.get(Invoice, invoice_id)


def lock_invoice(session: Session, invoice_id: str) -> Invoice | None:
    """The document, kept from other writers until this transaction ends."""
    return session.get(Invoice, invoice_id, with_for_update=True, populate_existing=True)


def find_document(session: Session, contract_id: str, document: int) -> Invoice | None:
    """The document of the contract's bill number `document`."""
    query = select(Invoice).where(
        Invoice.contract_id == contract_id, Invoice.document == document, col(Invoice.correction_id).is_(None)
    )
    return session.exec(query).first()


def lines_of(session: Session, invoice_id: str) -> Sequence[InvoiceLine]:
    """The lines of a document in their order."""
    mine = select(InvoiceLine).where(InvoiceLine.invoice_id == invoice_id)
    return session.exec(mine.order_by(col(InvoiceLine.position))).all()


def list_invoices(
    session: Session,
    *,
    after: int | None,
    limit: int,
    contract_id: str | None = None,
    customer_id: str | None = None,
    kind: str | None = None,
    status: str | None = None,
    number: str | None = None,
    issued_from: date | None = None,
    issued_to: date | None = None,
) -> Sequence[Invoice]:
    """Documents, newest first, that are older than the one numbered `after`; `issued_to` is exclusive."""
    query = select(Invoice).order_by(col(Invoice.sequence).desc()).limit(limit)
    if after is not None:
        query = query.where(col(Invoice.sequence) < after)
    if issued_from is not None:
        query = query.where(col(Invoice.issued_on) >= issued_from)
    if issued_to is not None:
        query = query.where(col(Invoice.issued_on) < issued_to)
    filters = (
        (Invoice.contract_id, contract_id),
        (Invoice.customer_id, customer_id),
        (Invoice.kind, kind),
        (Invoice.status, status),
        (Invoice.number, number),
    )
    for column, wanted in filters:
        if wanted is not None:
            query = query.where(col(column) == wanted)
    return session.exec(query).all()


def open_balances(session: Session, contract_ids: Sequence[str]) -> dict[str, int]:
    """What each of these contracts owes, in minor units; a contract that owes nothing is absent."""
    rows = session.execute(_OPEN_BALANCES, {"contract_ids": list(contract_ids)})
    return {contract_id: int(open_minor) for contract_id, open_minor in rows}


def to_collect_anew(session: Session, customer_id: str) -> Sequence[str]:
    """The customer's open invoices, without those whose first charge waits for the due date."""
    return session.execute(_TO_COLLECT_ANEW, {"customer_id": customer_id}).scalars().all()


def lower_open(session: Session, invoice_id: str, *, credited_minor: int = 0, paid_minor: int = 0) -> None:
    """Take what was credited or paid off an invoice, and mark it paid once nothing is open."""
    values = {"id": invoice_id, "credited": credited_minor, "paid": paid_minor}
    session.execute(_LOWER, values)


_OPEN_BALANCES = text(f"""
    SELECT contract_id, sum({OPEN_SQL}) FROM invoice
    WHERE contract_id = ANY(CAST(:contract_ids AS text[])) AND status = 'open' GROUP BY contract_id
""")
_TO_COLLECT_ANEW = text("""
    SELECT i.id FROM invoice i LEFT JOIN collection c ON c.invoice_id = i.id
    WHERE i.customer_id = :customer_id AND i.status = 'open' AND coalesce(c.stage, '') <> 'scheduled'
    ORDER BY i.due_at, i.id
""")
_LOWER = text(f"""
    UPDATE invoice SET credited_minor = credited_minor + :credited, paid_minor = paid_minor + :paid,
      status = CASE WHEN status = 'open' AND {OPEN_SQL} = :credited + :paid THEN 'paid' ELSE status END
    WHERE id = :id
""")


def release_held(session: Session, contract_id: str) -> Sequence[Invoice]:
    """Let the contract's invoices that were kept back be collected; return them."""
    kept = select(Invoice).where(Invoice.contract_id == contract_id, col(Invoice.held)).with_for_update()
    released = session.exec(kept).all()
    for invoice in released:
        invoice.held = False
    session.flush()
    return released

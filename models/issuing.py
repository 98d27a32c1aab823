"""Issuing a document: its number, its row and its lines in one statement, the last of its transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import orjson
from sqlalchemy import text
from sqlmodel import Session, col, select

from models.invoice import MAIN_ENTITY
from models.number import NUMBER_SQL, PREFIXES
from models.rated_line import RatedLine


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """A line of a document that is being issued; `steps` are dataclasses with decimals."""

    id: str
    line_id: str
    kind: str
    description: str
    period_start: date
    period_end: date
    quantity: Decimal
    net_minor: int
    tax_minor: int
    steps: tuple[object, ...]
    rated_line_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocument:
    """A document that has no number yet; `taxes` are mappings of name, rate and amount."""

    id: str
    kind: str
    contract_id: str
    customer_id: str
    document: int
    input_hash: str
    currency: str
    issued_on: date
    issued_at: datetime
    due_on: date
    due_at: datetime
    net_minor: int
    tax_minor: int
    total_minor: int
    credit_applied_minor: int
    status: str
    corrects_invoice_id: str | None
    taxes: tuple[dict[str, object], ...]
    lines: tuple[NewLine, ...]
    legal_entity: str = MAIN_ENTITY


def issue(session: Session, document: NewDocument) -> str:
    """The number under which the document and its lines were stored.

    Other issuing transactions of the series wait from here on, so nothing may follow but the commit.
    """
    values = {
        "legal_entity": document.legal_entity,
        "series": document.kind,
        "prefix": PREFIXES[document.kind],
        "document": _json(document),
    }
    number: str = session.execute(_ISSUE, values).scalar_one()
    return number


def first_claims(session: Session, contract_id: str, lines: Collection[str], since_at: datetime) -> Sequence[RatedLine]:
    """The first claims on the usage of those lines of a contract, of stretches that begin at `since_at` or later."""
    query = select(RatedLine).where(
        RatedLine.contract_id == contract_id,
        col(RatedLine.line_id).in_(lines),
        RatedLine.generation == 0,
        RatedLine.from_at >= since_at,
    )
    return session.exec(query).all()


def _json(document: NewDocument) -> str:
    return orjson.dumps(document, default=_exact).decode()


def _exact(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"{type(value).__name__} cannot stand on a document")


_ISSUE = text(f"""
    WITH given AS MATERIALIZED (SELECT CAST(:document AS json) AS body),
    lined AS (
      INSERT INTO invoice_line (
        id, invoice_id, position, line_id, kind, description, period_start, period_end, quantity, net_minor, tax_minor,
        steps, rated_line_id
      )
      SELECT l.id, given.body ->> 'id', t.position, l.line_id, l.kind, l.description, l.period_start, l.period_end,
        l.quantity, l.net_minor, l.tax_minor, l.steps, l.rated_line_id
      FROM given, json_array_elements(given.body -> 'lines') WITH ORDINALITY AS t (line, position),
        json_to_record(t.line) AS l (
          id text, line_id text, kind text, description text, period_start date, period_end date, quantity numeric,
          net_minor bigint, tax_minor bigint, steps jsonb, rated_line_id text
        )
      RETURNING id, rated_line_id
    ), taken_over AS (
      UPDATE rated_line r SET invoice_line_id = lined.id FROM lined WHERE r.id = lined.rated_line_id
    ), taken AS ({NUMBER_SQL})
    INSERT INTO invoice (
      id, legal_entity, kind, number, contract_id, customer_id, document, input_hash, currency, issued_on, issued_at,
      due_on, due_at, net_minor, tax_minor, total_minor, credited_minor, credit_applied_minor, paid_minor,
      written_off_minor, status, corrects_invoice_id, taxes
    )
    SELECT d.id, d.legal_entity, d.kind, taken.number, d.contract_id, d.customer_id, d.document, d.input_hash,
      d.currency, d.issued_on, d.issued_at, d.due_on, d.due_at, d.net_minor, d.tax_minor, d.total_minor, 0,
      d.credit_applied_minor, 0, 0, d.status, d.corrects_invoice_id, d.taxes
    FROM taken, given, json_to_record(given.body) AS d (
      id text, legal_entity text, kind text, contract_id text, customer_id text, document int, input_hash text,
      currency text, issued_on date, issued_at timestamptz, due_on date, due_at timestamptz, net_minor bigint,
      tax_minor bigint, total_minor bigint, credit_applied_minor bigint, status text, corrects_invoice_id text,
      taxes jsonb
    )
    RETURNING number
""")

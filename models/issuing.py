"""Issuing a document: its number, its row and its lines in one statement, the last of its transaction."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import text
from sqlmodel import Session

from domain.state import Item
from models.exact import dumps
from models.invoice import MAIN_ENTITY
from models.number import NUMBER_SQL, PREFIXES


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """A line of a document that is being issued; `steps` are dataclasses with decimals.

    It takes over the rated lines `rated_line_ids`; the first of them is its `rated_line_id`.
    """

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
    rated_line_ids: tuple[str, ...] = ()
    recognize: str = "daily"
    schedule_id: str | None = None
    credited_minor: int = 0
    credited_tax_minor: int = 0
    discounted: tuple[tuple[str, int], ...] = ()
    item: Item | None = None


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
    credited_minor: int = 0
    paid_minor: int = 0
    refunded_minor: int = 0
    written_off_minor: int = 0
    bad_debt_minor: int = 0
    undone_minor: int = 0
    written_off_on: date | None = None
    disputed_minor: int = 0
    held: bool = False
    held_because: str = ""
    correction_id: str | None = None
    legal_entity: str = MAIN_ENTITY


def issue(session: Session, document: NewDocument) -> str:
    """The number under which the document and its lines were stored.

    Other issuing transactions of the series wait from here on, so nothing may follow but the commit.
    """
    values = {
        "legal_entity": document.legal_entity,
        "series": document.kind,
        "prefix": PREFIXES[document.kind],
        "document": dumps(document).decode(),
    }
    number: str = session.execute(_ISSUE, values).scalar_one()
    return number


_ISSUE = text(f"""
    WITH given AS MATERIALIZED (SELECT CAST(:document AS json) AS body),
    new_lines AS MATERIALIZED (
      SELECT given.body ->> 'id' AS invoice_id, t.position, l.*
      FROM given, json_array_elements(given.body -> 'lines') WITH ORDINALITY AS t (line, position),
        json_to_record(t.line) AS l (
          id text, line_id text, kind text, description text, period_start date, period_end date, quantity numeric,
          net_minor bigint, tax_minor bigint, steps jsonb, rated_line_ids json, recognize text,
          schedule_id text, credited_minor bigint, credited_tax_minor bigint, discounted jsonb, item jsonb
        )
    ), lined AS (
      INSERT INTO invoice_line (
        id, invoice_id, position, line_id, kind, description, period_start, period_end, quantity, net_minor, tax_minor,
        steps, rated_line_id, recognize, schedule_id, credited_minor, credited_tax_minor, discounted, item
      )
      SELECT id, invoice_id, position, line_id, kind, description, period_start, period_end, quantity, net_minor,
        tax_minor, steps, rated_line_ids ->> 0, recognize, schedule_id, credited_minor, credited_tax_minor,
        nullif(discounted, '[]'), nullif(item, 'null')
      FROM new_lines
    ), taken_over AS (
      UPDATE rated_line r SET invoice_line_id = t.id
      FROM (
        SELECT l.id, a.rated FROM new_lines l, json_array_elements_text(l.rated_line_ids) AS a (rated)
      ) AS t WHERE r.id = t.rated
    ), taken AS ({NUMBER_SQL})
    INSERT INTO invoice (
      id, legal_entity, kind, number, contract_id, customer_id, document, input_hash, currency, issued_on, issued_at,
      due_on, due_at, net_minor, tax_minor, total_minor, credited_minor, credit_applied_minor, paid_minor,
      written_off_minor, written_off_on, refunded_minor, disputed_minor, bad_debt_minor, undone_minor, status, held,
      held_because, correction_id, corrects_invoice_id, taxes
    )
    SELECT d.id, d.legal_entity, d.kind, taken.number, d.contract_id, d.customer_id, d.document, d.input_hash,
      d.currency, d.issued_on, d.issued_at, d.due_on, d.due_at, d.net_minor, d.tax_minor, d.total_minor,
      d.credited_minor, d.credit_applied_minor, d.paid_minor, d.written_off_minor, d.written_off_on, d.refunded_minor,
      d.disputed_minor, d.bad_debt_minor, d.undone_minor, d.status, d.held, d.held_because, d.correction_id,
      d.corrects_invoice_id, d.taxes
    FROM taken, given, json_to_record(given.body) AS d (
      id text, legal_entity text, kind text, contract_id text, customer_id text, document int, input_hash text,
      currency text, issued_on date, issued_at timestamptz, due_on date, due_at timestamptz, net_minor bigint,
      tax_minor bigint, total_minor bigint, credited_minor bigint, credit_applied_minor bigint, paid_minor bigint,
      written_off_minor bigint, written_off_on date, refunded_minor bigint, disputed_minor bigint,
      bad_debt_minor bigint, undone_minor bigint, status text, held boolean, held_because text,
      correction_id text, corrects_invoice_id text, taxes jsonb
    )
    RETURNING number
""")

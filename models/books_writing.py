"""Writing a contract's books: what changed, in one statement, whatever the tables."""

from collections.abc import Mapping
from functools import cache

import orjson
from sqlalchemy import TextClause, text
from sqlmodel import Session

from domain.books import Books
from models.exact import array, dumps
from models.recognition import STORE_SQL

# The tables by their names in the books, each with its rows as JSON by their ids.
Rows = dict[str, dict[str, bytes]]


def nothing() -> Rows:
    """The rows of books that are empty."""
    return {name: {} for name in ("documents", "schedules", "credits", "grants", "windows", "periods", "plans")}


def rows_of(books: Books) -> Rows:
    """Everything that the books hold, as it is compared and stored."""
    return {name: {id_: dumps(row) for id_, row in getattr(books, name).items()} for name in nothing()}


def write(session: Session, changed: Mapping[str, list[bytes]], values: Mapping[str, object]) -> None:
    """Write the changed rows of each table; none means no round trip.

    Beside the rows, `values` give what a statement needs: the contract, its customer, the instant, which schedule is
    of which plan (`plan_of`), up to which event periods were counted (`counted`).
    """
    tables = tuple(name for name in _WRITES if changed.get(name))
    if tables:
        rows = {name: array(changed[name]) for name in tables}
        session.execute(_statement(tables), {**_used(tables, values), **rows})


def _used(tables: tuple[str, ...], values: Mapping[str, object]) -> dict[str, object]:
    used = {name: values[name] for table in tables for name in _VALUES[table]}
    return {name: orjson.dumps(value).decode() if isinstance(value, dict) else value for name, value in used.items()}


@cache
def _statement(tables: tuple[str, ...]) -> TextClause:
    parts = ", ".join(f"{name}_written AS ({_WRITES[name]})" for name in tables)
    return text(f"WITH {parts} SELECT")


_VALUES = {
    "plans": ("contract_id",),
    "schedules": ("contract_id", "plan_of"),
    "documents": (),
    "lines": (),
    "credits": ("contract_id", "customer_id", "currency", "at"),
    "uses": (),
    "grants": ("contract_id",),
    "windows": ("contract_id",),
    "periods": ("contract_id", "counted"),
}
_WRITES = {
    "plans": """
      INSERT INTO revenue_plan (
        id, contract_id, line_id, starts_on, ends_on, billed_minor, amount_minor, schedules, version
      )
      SELECT id, :contract_id, line_id, starts_on, ends_on, billed_minor, amount_minor, schedules, version
      FROM json_to_recordset(CAST(:plans AS json)) AS p (
        id text, line_id text, starts_on date, ends_on date, billed_minor bigint, amount_minor bigint, schedules int,
        version int
      )
      ON CONFLICT (id) DO UPDATE SET
        line_id = excluded.line_id, starts_on = excluded.starts_on, ends_on = excluded.ends_on,
        billed_minor = excluded.billed_minor, amount_minor = excluded.amount_minor, schedules = excluded.schedules,
        version = excluded.version
    """,
    "schedules": STORE_SQL,
    "documents": """
      UPDATE invoice i SET
        status = d.status, credit_applied_minor = d.credit_applied_minor, credited_minor = d.credited_minor,
        paid_minor = d.paid_minor, refunded_minor = d.refunded_minor, written_off_minor = d.written_off_minor,
        bad_debt_minor = d.bad_debt_minor, undone_minor = d.undone_minor, written_off_on = d.written_off_on,
        disputed_minor = d.disputed_minor, held = d.held, held_because = d.held_because
      FROM json_to_recordset(CAST(:documents AS json)) AS d (
        id text, status text, credit_applied_minor bigint, credited_minor bigint, paid_minor bigint,
        refunded_minor bigint, written_off_minor bigint, bad_debt_minor bigint, undone_minor bigint,
        written_off_on date, disputed_minor bigint, held boolean, held_because text
      ) WHERE i.id = d.id
    """,
    "lines": """
      UPDATE invoice_line l SET credited_minor = n.credited_minor, credited_tax_minor = n.credited_tax_minor
      FROM json_to_recordset(CAST(:lines AS json)) AS n (id text, credited_minor bigint, credited_tax_minor bigint)
      WHERE l.id = n.id
    """,
    "credits": """
      INSERT INTO customer_credit (
        id, contract_id, customer_id, credit_note_id, payment_id, invoice_id, currency, amount_minor, remaining_minor,
        place, created_at
      )
      SELECT id, :contract_id, :customer_id, CASE WHEN source = 'credit_note' THEN source_id END,
        CASE WHEN source = 'payment' THEN source_id END, invoice_id, :currency, amount_minor, remaining_minor,
        sequence, CAST(:at AS timestamptz)
      FROM json_to_recordset(CAST(:credits AS json)) AS c (
        id text, source text, source_id text, invoice_id text, amount_minor bigint, remaining_minor bigint,
        sequence bigint
      ) ORDER BY sequence
      ON CONFLICT (id) DO UPDATE SET
        amount_minor = excluded.amount_minor, remaining_minor = excluded.remaining_minor
    """,
    "uses": """
      INSERT INTO customer_credit_use (credit_id, invoice_id, amount_minor)
      SELECT * FROM json_to_recordset(CAST(:uses AS json)) AS u (
        credit_id text, invoice_id text, amount_minor bigint
      )
    """,
    "grants": """
      INSERT INTO prepaid_grant (
        id, contract_id, credit_id, paid_minor, granted_minor, used_minor, earned_minor, starts_on, expires_on,
        priority, lines, schedule_line_id, closed
      )
      SELECT id, :contract_id, credit_id, paid_minor, granted_minor, used_minor, earned_minor, starts_on, expires_on,
        priority, lines, schedule_line_id, closed
      FROM json_to_recordset(CAST(:grants AS json)) AS g (
        id text, credit_id text, paid_minor bigint, granted_minor bigint, used_minor bigint, earned_minor bigint,
        starts_on date, expires_on date, priority int, lines jsonb, schedule_line_id text, closed boolean
      )
      ON CONFLICT (id) DO UPDATE SET
        credit_id = excluded.credit_id, paid_minor = excluded.paid_minor, granted_minor = excluded.granted_minor,
        used_minor = excluded.used_minor, earned_minor = excluded.earned_minor, starts_on = excluded.starts_on,
        expires_on = excluded.expires_on, priority = excluded.priority, lines = excluded.lines,
        schedule_line_id = excluded.schedule_line_id, closed = excluded.closed
    """,
    "windows": """
      INSERT INTO commitment_window (
        id, contract_id, commitment_id, starts_on, ends_on, amount_minor, counted_minor, shortfall_minor, overage_minor,
        closed
      )
      SELECT id, :contract_id, commitment_id, starts_on, ends_on, amount_minor, counted_minor, shortfall_minor,
        overage_minor, closed
      FROM json_to_recordset(CAST(:windows AS json)) AS w (
        id text, commitment_id text, starts_on date, ends_on date, amount_minor bigint, counted_minor bigint,
        shortfall_minor bigint, overage_minor bigint, closed boolean
      )
      ON CONFLICT (id) DO UPDATE SET
        commitment_id = excluded.commitment_id, starts_on = excluded.starts_on, ends_on = excluded.ends_on,
        amount_minor = excluded.amount_minor, counted_minor = excluded.counted_minor,
        shortfall_minor = excluded.shortfall_minor, overage_minor = excluded.overage_minor, closed = excluded.closed
    """,
    "periods": """
      INSERT INTO rated_period (
        id, contract_id, line_id, starts_on, ends_on, items, billed_minor, drawn_minor, discounted, up_to_seq
      )
      SELECT id, :contract_id, line_id, starts_on, ends_on, items, billed_minor, drawn_minor, discounted,
        coalesce(CAST(CAST(:counted AS jsonb) ->> id AS bigint), 0)
      FROM json_to_recordset(CAST(:periods AS json)) AS p (
        id text, line_id text, starts_on date, ends_on date, items jsonb, billed_minor bigint,
        drawn_minor bigint, discounted jsonb
      )
      ON CONFLICT (id) DO UPDATE SET
        line_id = excluded.line_id, starts_on = excluded.starts_on, ends_on = excluded.ends_on,
        items = excluded.items, billed_minor = excluded.billed_minor, drawn_minor = excluded.drawn_minor,
        discounted = excluded.discounted, up_to_seq = greatest(rated_period.up_to_seq, excluded.up_to_seq)
    """,
}

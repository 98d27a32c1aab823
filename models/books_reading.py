"""Reading a contract's books: one statement gives all of it as one JSON document, by the names of the domain."""

from dataclasses import dataclass
from datetime import date
from functools import cache

from pydantic import TypeAdapter
from sqlalchemy import TextClause, text

from domain.books import CustomerCredit, Document, Grant, Plan, RatedPeriod, Schedule, Window
from models.recognition import UNFINISHED_SQL


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of one contract, each in its own order: what came first is first."""

    customer_id: str | None
    closed_until: date | None
    documents: list[Document]
    schedules: list[Schedule]
    credits: list[CustomerCredit]
    grants: list[Grant]
    windows: list[Window]
    periods: list[RatedPeriod]
    plans: list[Plan]


READ: TypeAdapter[Read] = TypeAdapter(Read)


@cache
def statement(*, everything: bool, since: bool, named: bool) -> TextClause:
    """The statement that reads the contract `:contract_id` in the book `:book`, and locks the documents it reads.

    Without `everything` it reads what is unfinished or has late usage; `since` adds what reaches beyond the day
    `:since`, `named` all that belongs to the documents `:invoices`.
    """
    if everything:
        parts = dict.fromkeys(("documents", "credits", "periods", "plans", "windows", "grants"), "true")
        return text(_STATEMENT.format(**parts, reach="NULL", schedules=_ALL_SCHEDULES))
    asked = [_SINCE] * since + [_NAMED] * named
    conditions = {name: " OR ".join([_ALWAYS[name], *(a[name] for a in asked if name in a)]) for name in _ALWAYS}
    reach = ", ".join(["(SELECT min(starts_on) FROM periods)", *(a["reach"] for a in asked)])
    schedules = "".join([_SCHEDULES, *(a["schedules"] for a in asked)])
    return text(_STATEMENT.format(**conditions, reach=f"least({reach})", schedules=schedules))


# Which rows are read of a table in any case, and which a question adds.
_IN_REACH = "ends_on > (SELECT day FROM reach)"
_ALWAYS = {
    "documents": "i.status = 'open'",
    # The last one too: the next is counted on from it.
    "credits": """c.remaining_minor > 0 OR NOT EXISTS (
        SELECT FROM customer_credit n WHERE n.contract_id = c.contract_id AND n.place > c.place
      )""",
    "periods": """EXISTS (
        SELECT FROM rated_line r
        WHERE r.contract_id = p.contract_id AND r.line_id = p.line_id
          AND r.generation > 0 AND r.event_count + r.voided_count > 0
          AND r.up_to_seq > p.up_to_seq AND r.period_start >= p.starts_on AND r.period_start < p.ends_on
      )""",
    # All of a term, whose lines may share one price.
    "plans": f"""p.starts_on IN (
        SELECT o.starts_on FROM revenue_plan o
        WHERE o.contract_id = :contract_id AND (o.{_IN_REACH} OR NOT EXISTS (
          SELECT FROM revenue_plan n
          WHERE n.contract_id = o.contract_id AND n.line_id = o.line_id AND n.starts_on > o.starts_on
        ))
      )""",
    "windows": f"NOT w.closed OR w.{_IN_REACH}",
    # Late usage may draw from one that has expired.
    "grants": "NOT closed OR used_minor <> granted_minor OR earned_minor <> paid_minor",
}
_SINCE = {
    # Where the contract has bounds, the last invoice too and all of its day: a new one is compared with them.
    "documents": """EXISTS (SELECT FROM invoice_line l WHERE l.invoice_id = i.id AND l.period_end > :since)
        OR i.kind = 'invoice' AND i.status <> 'void' AND i.issued_on = (
          SELECT max(n.issued_on) FROM contract c JOIN invoice n ON n.contract_id = c.id
          WHERE c.id = :contract_id AND jsonb_typeof(c.terms -> 'bounds') = 'object' AND n.kind = 'invoice'
            AND n.status <> 'void'
        )""",
    "periods": "p.ends_on > :since",
    "schedules": """
      UNION SELECT id FROM revenue_schedule WHERE contract_id = :contract_id AND ends_on > :since""",
    "reach": "CAST(:since AS date)",
}
_NAMED = {
    # The last one too: a credit note is counted on from it.
    "documents": """i.id = ANY(CAST(:invoices AS text[])) OR i.corrects_invoice_id = ANY(CAST(:invoices AS text[]))
      OR i.document = (SELECT max(document) FROM invoice WHERE contract_id = :contract_id)""",
    # What an invoice used is given back to the last that were used, whichever those are.
    "credits": "true",
    "grants": """schedule_line_id IN (SELECT id FROM lines)
      OR id IN (SELECT d ->> 0 FROM lines, jsonb_array_elements(coalesce(discounted, '[]')) d)""",
    # What prepaid credits paid of its usage is noted there.
    "periods": """EXISTS (
        SELECT FROM lines l
        WHERE l.invoice_id = ANY(CAST(:invoices AS text[])) AND l.line_id = p.line_id
          AND l.kind IN ('usage', 'adjustment') AND l.period_start >= p.starts_on AND l.period_start < p.ends_on
      )""",
    "reach": "(SELECT min(period_start) FROM lines WHERE invoice_id = ANY(CAST(:invoices AS text[])))",
    "schedules": """
      UNION SELECT schedule_id FROM lines
      UNION SELECT s.id FROM lines l JOIN revenue_schedule s ON s.invoice_line_id = l.id""",
}
# One index each: a condition of several parts would read them all.
_SCHEDULES = f"""
      SELECT id FROM revenue_schedule WHERE contract_id = :contract_id AND ({UNFINISHED_SQL})
      UNION SELECT s.id FROM plans p JOIN revenue_schedule s ON s.plan_id = p.id
      UNION SELECT s.id FROM periods p JOIN revenue_schedule s
        ON s.contract_id = p.contract_id AND s.line_id = p.line_id AND s.starts_on >= p.starts_on
          AND s.starts_on < p.ends_on
      UNION SELECT s.id FROM granted g JOIN revenue_schedule s
        ON s.contract_id = g.contract_id AND s.line_id = g.credit_id
          AND s.invoice_line_id IS NOT DISTINCT FROM g.schedule_line_id"""
_ALL_SCHEDULES = "SELECT id FROM revenue_schedule WHERE contract_id = :contract_id"

_STATEMENT = """
    WITH documents AS MATERIALIZED (
      SELECT i.* FROM invoice i WHERE i.contract_id = :contract_id AND ({documents}) ORDER BY i.id FOR UPDATE
    ), lines AS MATERIALIZED (
      SELECT l.* FROM documents d JOIN invoice_line l ON l.invoice_id = d.id
    ), periods AS MATERIALIZED (
      SELECT p.* FROM rated_period p WHERE p.contract_id = :contract_id AND ({periods})
    ), reach AS MATERIALIZED (
      SELECT {reach} AS day
    ), plans AS MATERIALIZED (
      SELECT p.* FROM revenue_plan p WHERE p.contract_id = :contract_id AND ({plans})
    ), granted AS MATERIALIZED (
      SELECT * FROM prepaid_grant WHERE contract_id = :contract_id AND ({grants}) ORDER BY starts_on, id
    ), schedules AS (
      SELECT * FROM revenue_schedule WHERE id IN ({schedules})
    ), told AS (
      SELECT id, kind, document AS sequence, issued_on, issued_at, due_on, net_minor, tax_minor, total_minor, status,
        corrects_invoice_id AS corrects, credit_applied_minor, credited_minor, paid_minor, refunded_minor,
        written_off_minor, bad_debt_minor, undone_minor, written_off_on, disputed_minor, held, held_because,
        correction_id,
        ARRAY(
          SELECT json_build_array(t.tax ->> 'name', t.tax -> 'tax_minor')
          FROM jsonb_array_elements(d.taxes) WITH ORDINALITY AS t (tax, place) ORDER BY t.place
        ) AS tax_by_rate,
        ARRAY(
          SELECT json_build_object(
            'id', id, 'line_id', line_id, 'kind', kind, 'starts_on', period_start, 'ends_on', period_end,
            'net_minor', net_minor, 'tax_minor', tax_minor, 'recognize', recognize, 'schedule_id', schedule_id,
            'credited_minor', credited_minor, 'credited_tax_minor', credited_tax_minor, 'quantity', quantity::text,
            'steps', steps, 'item', item, 'discounted', coalesce(discounted, '[]')
          ) FROM lines WHERE invoice_id = d.id ORDER BY position
        ) AS lines
      FROM documents d ORDER BY d.sequence
    ), planned AS (
      SELECT id, line_id, basis, method, starts_on, ends_on, amount_minor, recognized_minor, recognized_through,
        coalesce(parts, '[]') AS parts, coalesce(posted, '[]') AS posted, coalesce(progress, '[]') AS progress,
        invoice_line_id, billed
      FROM schedules ORDER BY starts_on, id
    ), owed AS (
      SELECT id, CASE WHEN credit_note_id IS NULL THEN 'payment' ELSE 'credit_note' END AS source,
        coalesce(credit_note_id, payment_id) AS source_id, invoice_id, amount_minor, remaining_minor,
        place AS sequence
      FROM customer_credit c WHERE contract_id = :contract_id AND ({credits}) ORDER BY place, c.sequence
    ), committed AS (
      SELECT * FROM commitment_window w WHERE contract_id = :contract_id AND ({windows}) ORDER BY starts_on, id
    )
    SELECT json_build_object(
      'customer_id', (SELECT customer_id FROM contract WHERE id = :contract_id),
      'closed_until', (SELECT max(ends_on) FROM accounting_period WHERE book = :book AND status <> 'open'),
      'documents', ARRAY(SELECT to_json(t) FROM told t),
      'schedules', ARRAY(SELECT to_json(t) FROM planned t),
      'credits', ARRAY(SELECT to_json(t) FROM owed t),
      'grants', ARRAY(SELECT to_json(t) FROM granted t),
      'windows', ARRAY(SELECT to_json(t) FROM committed t),
      'periods', ARRAY(SELECT to_json(t) FROM periods t ORDER BY starts_on, id),
      'plans', ARRAY(SELECT to_json(t) FROM plans t ORDER BY starts_on, id)
    )::text
"""

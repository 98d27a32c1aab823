"""The documents say what the code does: figures, settings and routes are read out of them and compared."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, get_args

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings
from sqlalchemy import text

from activities.charging import Charging
from activities.correcting import Correcting
from activities.signatures import ChargeInvoice, Issued
from api.amendments import NewAmendment, NewCancellation
from api.app import ROUTERS
from api.contracts import NewContract
from api.corrections import NewCorrection
from api.customers import NewCustomer
from api.recognition import NewRecognition
from api.routing import guarded_routes
from api.scopes import SCOPES
from api.simulations import NewSimulation
from api.test_clocks import Advance, NewTestClock
from cases.check import check
from cases.memory import Memory
from cases.reading import read as read_cases
from cli import app as cli
from domain.commands import Cancel, Change, ChangeLine, ChangeType, Deliver
from domain.correcting import (
    BillAgain,
    Correction,
    CorrectionType,
    IssueCreditNote,
    LoseDispute,
    OpenDispute,
    RecordPayment,
    RefundPayment,
    VoidInvoice,
    WinDispute,
    WriteOff,
)
from domain.life import CorrectInvoice
from domain.period import first_instant
from domain.terms import Terms
from models.account import CHART
from models.customer import PaymentMethod, adopt_gateway_customer
from models.database import Database
from models.journal_report import EntryFilter, entries
from settings import PREFIX, Settings, StackSettings
from tests.activities.gateway import FakeGateway
from tests.activities.story import SIGNED_AT, Story

DOCS: Final = Path(__file__).parents[1] / "docs"
NEVER_LISTED: Final = frozenset({"/openapi.json", "/docs"})

# What docker-compose.yml reads beside the settings of the product.
COMPOSE: Final = frozenset({"PERENNIAL_DATABASE_PASSWORD", "PERENNIAL_VERSION"})

Posted = tuple[str, str, str, int]


def read(name: str) -> str:
    return (DOCS / name).read_text()


def rows(page: str) -> list[list[str]]:
    """The cells of the first table in a Markdown text, without its head and without back quotes."""
    table = re.search(r"(?:^\|.*\n)+", page, flags=re.MULTILINE)
    assert table is not None, f"there is no table in {page[:80]!r}"
    lines = table[0].replace("`", "").splitlines()[2:]
    return [[cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")] for line in lines]


def sections(page: str, marks: str) -> dict[str, str]:
    """What stands below each heading of one level, by heading."""
    parts = re.split(rf"^{marks} (.+)\n", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


# Postings.


class Life(Story):
    """A contract whose customer can also pay."""

    def __init__(self, database: Database, agreed: Terms) -> None:
        super().__init__(database, agreed)
        self.bank = FakeGateway()
        self.corrections = 0
        card = PaymentMethod(
            id="pme_1", customer_id="cus_1", gateway_payment_method_id="pm_1", brand="visa", last4="4242",
            exp_month=4, exp_year=2030, is_default=True, created_at=SIGNED_AT,
        )  # fmt: skip
        with database.transaction() as session:
            adopt_gateway_customer(session, "cus_1", "cus_gateway_1")
            session.add(card)

    def issue(self, day: date) -> Issued:
        """The one document that time brings up to `day`."""
        [issued] = self.until(day)
        return issued

    def pay(self, issued: Issued, day: date) -> None:
        assert issued.invoice_id is not None
        at = first_instant(day, self.state.terms.timezone)
        charged = Charging(self.database, self.bank).charge_invoice(ChargeInvoice(issued.invoice_id, 1, at, None))
        assert charged.kind == "settled"

    def correct(self, issued: Issued, day: date, asked: CorrectionType) -> None:
        """Do something to the invoice on a day, and all that is due before."""
        self.until(day - timedelta(days=1))
        assert issued.invoice_id is not None
        self.corrections += 1
        request = CorrectInvoice(
            f"cor_{self.corrections}",
            self.state.contract_id,
            issued.invoice_id,
            asked,
            first_instant(day, self.state.terms.timezone),
        )
        assert Correcting(self.database).correct_invoice(request).refused is None

    def change(self, day: date, quantity: int) -> Issued | None:
        line = self.state.terms.lines[0].id
        return self.on(day, ChangeLine(line=line, quantity=Decimal(quantity)))

    def posted(self) -> list[Posted]:
        """Every line of the journal: date, kind, account and amount in minor units, debits positive."""
        with self.database.transaction() as session:
            found = entries(session, EntryFilter(contract_id=self.state.contract_id), limit=500)
        return [
            (str(each.entry.posting_on), each.entry.kind, line.account, line.amount_minor)
            for each in found
            for line in each.lines
        ]


JANUARY, FEBRUARY, MARCH, APRIL = (date(2013, month, 1) for month in range(1, 5))
SECOND_OF_FEBRUARY = date(2013, 2, 2)
JUNE, SIXTEENTH_OF_JUNE, JULY = date(2013, 6, 1), date(2013, 6, 16), date(2013, 7, 1)


def usage(life: Life) -> None:
    life.use("calls", datetime(2013, 1, 20, 12, tzinfo=UTC), "12000", "1")
    life.use("calls", datetime(2013, 1, 31, 23, 59, tzinfo=UTC), "345", "2")
    life.until(FEBRUARY)


def upgrade(life: Life) -> None:
    life.until(JUNE)
    life.change(SIXTEENTH_OF_JUNE, 28)
    life.until(JULY)


def downgrade_unpaid(life: Life) -> None:
    life.until(JUNE)
    life.change(SIXTEENTH_OF_JUNE, 20)
    life.until(JULY)


def downgrade_paid(life: Life) -> None:
    life.pay(life.issue(JUNE), JUNE)
    life.change(SIXTEENTH_OF_JUNE, 20)
    life.pay(life.issue(JULY), JULY)


def payment_that_crosses_a_credit_note(life: Life) -> None:
    issued = life.issue(JUNE)

    def downgrade(called: str) -> None:
        if called == "confirm":
            life.change(SIXTEENTH_OF_JUNE, 20)

    life.bank.during = downgrade
    life.pay(issued, SIXTEENTH_OF_JUNE)


def cancellation(life: Life) -> None:
    life.until(JUNE)
    life.on(SIXTEENTH_OF_JUNE, Cancel(when="now"))


def cancellation_without_credit(life: Life) -> None:
    life.until(JUNE)
    life.on(SIXTEENTH_OF_JUNE, Cancel(when="now", credit="none"))


def delivery(life: Life) -> None:
    life.until(JANUARY)
    life.on(date(2013, 1, 20), Deliver(line="onboarding", percent=Decimal(100)))
    life.until(MARCH)


def prepaid(life: Life) -> None:
    life.until(JANUARY)
    life.use("calls", datetime(2013, 1, 20, 12, tzinfo=UTC), "33", "1")
    life.until(APRIL)


def shortfall(life: Life) -> None:
    life.use("calls", datetime(2013, 1, 10, 10, tzinfo=UTC), "800", "1")
    life.until(FEBRUARY)


def credit_note(life: Life) -> None:
    life.correct(life.issue(JANUARY), SECOND_OF_FEBRUARY, IssueCreditNote(amount_minor=4500, line="plan"))
    life.until(APRIL)


def void(life: Life) -> None:
    issued = life.issue(JANUARY)
    life.correct(issued, SECOND_OF_FEBRUARY, VoidInvoice())
    life.correct(issued, MARCH, BillAgain())
    life.until(APRIL)


def refund(life: Life) -> None:
    issued = life.issue(JANUARY)
    life.pay(issued, JANUARY)
    life.correct(issued, SECOND_OF_FEBRUARY, RefundPayment(amount_minor=900))
    life.until(MARCH)


def write_off(life: Life) -> None:
    issued = life.issue(JANUARY)
    life.correct(issued, SECOND_OF_FEBRUARY, WriteOff())
    life.correct(issued, MARCH, RecordPayment(amount_minor=9000))
    life.until(APRIL)


def disputed(life: Life) -> Issued:
    issued = life.issue(JANUARY)
    life.correct(issued, JANUARY, RecordPayment(amount_minor=9000))
    life.correct(issued, JANUARY, OpenDispute())
    return issued


def dispute_won(life: Life) -> None:
    life.correct(disputed(life), SECOND_OF_FEBRUARY, WinDispute())
    life.until(MARCH)


def dispute_lost(life: Life) -> None:
    life.correct(disputed(life), SECOND_OF_FEBRUARY, LoseDispute())
    life.until(MARCH)


SCENARIOS: Final[dict[str, Callable[[Life], object]]] = {
    "An invoice in advance, with tax": lambda life: life.until(FEBRUARY),
    "A payment": lambda life: life.pay(life.issue(JANUARY), JANUARY),
    "Usage in arrears": usage,
    "A period across two months": lambda life: life.until(date(2013, 2, 15)),
    "A year in advance": lambda life: life.until(date(2013, 4, 1)),
    "A quarter in arrears": lambda life: life.until(date(2013, 4, 1)),
    "An upgrade in the middle of a month": upgrade,
    "A downgrade of what is not paid yet": downgrade_unpaid,
    "A downgrade of what is paid": downgrade_paid,
    "A payment that crosses a credit note": payment_that_crosses_a_credit_note,
    "A cancellation that credits unused days": cancellation,
    "A cancellation without credit": cancellation_without_credit,
    "A price that rises in the term": lambda life: life.until(MARCH),
    "A price that is allocated": delivery,
    "Credits that are paid before they are used": prepaid,
    "A shortfall of a commitment": shortfall,
    "A credit note": credit_note,
    "A void invoice that is billed again": void,
    "A refund": refund,
    "A write-off, and money after it": write_off,
    "A dispute that is won": dispute_won,
    "A dispute that is lost": dispute_lost,
}


def examples() -> dict[str, str]:
    return sections(sections(read("accounting.md"), "##")["Postings"], "###")


def documented(example: str) -> list[Posted]:
    """The lines that the table of an example shows; an empty date or kind is that of the row above."""
    posted: list[Posted] = []
    for on, kind, account, debit, credit in rows(example):
        above = posted[-1] if posted else ("", "", "", 0)
        posted.append((on or above[0], kind or above[1], account, minor(debit) - minor(credit)))
    return posted


def minor(figure: str) -> int:
    """A figure such as 1,200.00 in cents, 0 where there is none."""
    return int(Decimal(figure.replace(",", "") or "0") * 100)


def agreed(example: str) -> Terms:
    stated = re.search(r"```json\n(.+?)```", example, flags=re.DOTALL)
    assert stated is not None
    return Terms.model_validate(json.loads(stated[1]))


def test_every_example_of_the_postings_is_one_that_is_run() -> None:
    assert set(examples()) == set(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_postings_of_an_example_are_those_of_the_product(name: str, database: Database) -> None:
    """Entries of one day have no order, so lines are compared in order of date, kind and account."""
    example = examples()[name]
    life = Life(database, agreed(example))
    SCENARIOS[name](life)
    assert sorted(documented(example)) == sorted(life.posted())


def test_the_chart_of_accounts_is_the_one_of_the_journal() -> None:
    sides = {"D": "debit", "C": "credit"}
    used = {account for example in examples().values() for _, _, account, _ in documented(example)}
    assert rows(sections(read("accounting.md"), "##")["Chart of accounts"]) == [
        [row.code, row.name, row.account_class, sides[row.normal_side], "yes" if row.code in used else "no"]
        for row in CHART
    ]


def test_every_kind_of_entry_that_is_described_is_shown() -> None:
    described = {kind.strip() for row in rows(sections(read("accounting.md"), "##")["How the journal works"])
                 for kind in row[0].split(",")}  # fmt: skip
    assert described == {kind for example in examples().values() for _, kind, _, _ in documented(example)}


# Settings.


def default(field: Any) -> str:
    if field.default is PydanticUndefined:
        return "required"
    return "none" if field.default in (None, ()) else str(field.default)


@pytest.mark.parametrize(
    ("heading", "kind"), [("A worker and the API", Settings), ("The embedded stack", StackSettings)]
)
def test_every_setting_is_documented_with_its_default(heading: str, kind: type[BaseSettings]) -> None:
    table = rows(sections(sections(read("operations.md"), "##")["Settings"], "###")[heading])
    settings = {f"{PREFIX}{name.upper()}": default(field) for name, field in kind.model_fields.items()}
    assert {row[0]: row[1] for row in table} == settings
    assert all(row[2] for row in table)


def test_the_queries_for_operators_run(database: Database) -> None:
    queries = re.findall(r"```sql\n(.+?)```", read("operations.md"), flags=re.DOTALL)
    with database.transaction() as session:
        for query in queries:
            assert session.execute(text(query)).all() == []
    assert queries


# Routes.


def test_the_table_of_routes_is_what_the_api_serves() -> None:
    app = FastAPI(openapi_url=None)
    for router in ROUTERS:
        app.include_router(router)
    served = [
        [method, route.path, route.guard.scope_needed or "none", route.summary]
        for route in guarded_routes(app)
        if route.path not in NEVER_LISTED
        for method in sorted(route.methods or ())
    ]
    assert sorted(rows(sections(read("api.md"), "##")["Routes"])) == sorted(served)


def test_every_scope_is_documented() -> None:
    assert [row[0] for row in rows(sections(read("api.md"), "##")["Scopes"])] == list(SCOPES)


# What callers may ask for.


@pytest.mark.parametrize(
    ("heading", "every", "one"),
    [("Change a contract", ChangeType, Change), ("Correct an invoice", CorrectionType, Correction)],
)
def test_everything_that_may_be_asked_of_a_workflow_is_shown(heading: str, every: Any, one: Any) -> None:
    table = rows(sections(read("api.md"), "##")[heading])
    assert {row[0] for row in table} == {kind.model_fields["kind"].default for kind in get_args(every)}
    for kind, example, _ in table:
        assert TypeAdapter(one).validate_json(example).kind == kind


def test_the_bodies_of_requests_are_what_the_api_takes() -> None:
    """A body is known by the field that no other has."""
    kinds: dict[str, type[BaseModel]] = {
        "change": NewAmendment,
        "when": NewCancellation,
        "through": NewRecognition,
        "correction": NewCorrection,
        "until": NewSimulation,
        "to": Advance,
    }
    shown = set()
    for body in re.findall(r"```json\n(.+?)```", read("api.md"), flags=re.DOTALL):
        for field in kinds.keys() & json.loads(body).keys():
            kinds[field].model_validate_json(body)
            shown.add(field)
    assert shown == kinds.keys()


# Commands, links and bodies.

PAGES: Final = sorted([*DOCS.parent.glob("*.md"), *DOCS.rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    linked = {link.partition("#")[0] for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text)} - {""}
    assert {link for link in linked if not (page.parent / link).exists()} == set()
    targets = set(re.findall(r"^([a-z]+):", (DOCS.parent / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)|^make ([a-z]+)", text, flags=re.MULTILINE)) <= {
        pair for target in targets for pair in ((target, ""), ("", target))
    }
    commands = {command.name or command.callback.__name__ for command in cli.registered_commands if command.callback}
    assert set(re.findall(r"(?:`|bin/)perennial ([a-z]+)", text)) <= commands
    known = {f"{PREFIX}{name.upper()}" for kind in (Settings, StackSettings) for name in kind.model_fields}
    assert set(re.findall(rf"{PREFIX}[A-Z_]*[A-Z]", text)) <= known | COMPOSE


def test_the_first_steps_send_what_the_api_takes() -> None:
    """Bodies without a model, such as batches of usage, are only held to be JSON."""
    readme = (DOCS.parent / "README.md").read_text()
    bodies = [json.loads(body) for body in re.findall(r"-d '(.+?)'", readme)]
    [contract] = re.findall(r"<<BODY.*?\n(.+?)\nBODY", readme, flags=re.DOTALL)
    assert NewContract.model_validate_json(contract).terms.lines
    for model, keys in ((NewCustomer, {"key", "name"}), (NewTestClock, {"name", "now"}), (Advance, {"to"})):
        [body] = [body for body in bodies if isinstance(body, dict) and body.keys() == keys]
        model.model_validate(body)


# Cases.


def test_the_figures_of_billing_are_what_the_product_answers() -> None:
    results = list(check(read_cases([DOCS / "billing.yaml"]), Memory()))
    assert [str(result) for result in results if not result.passed] == []
    assert results

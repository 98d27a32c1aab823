"""Every example of docs/accounting.md is run, and what it posts is compared with what stands there."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

import pytest

from activities.charging import Charging
from activities.correcting import Correcting
from activities.signatures import ChargeInvoice, Issued
from domain.commands import Cancel, ChangeLine, Deliver
from domain.correcting import (
    BillAgain,
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
from tests.activities.gateway import FakeGateway
from tests.activities.story import SIGNED_AT, Story
from tests.pages import read, rows, sections

Posted = tuple[str, str, str, int]


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

"""What a file of contracts says, and what is wrong with it by itself."""

from datetime import date
from decimal import Decimal

import pytest

from adoption.reading import read
from tests.adoption.files import CALLS, SEATS, content


def places(*rows: dict[str, str]) -> dict[tuple[int, str], str]:
    return {(problem.row, problem.column): problem.message for problem in read(content(*rows)).problems}


def test_rows_with_one_external_id_are_the_lines_of_one_contract() -> None:
    found = read(content(SEATS, CALLS, SEATS | {"external_id": "A-2", "term_months": "12", "renew": "auto"}))
    assert found.problems == []
    first, second = (group.adoption for group in found.groups)
    assert first is not None and second is not None
    assert [line.id for line in first.terms.lines] == ["seats", "calls"]
    assert [meter.aggregate for meter in first.terms.meters] == ["sum"]
    assert first.terms.lines[1].price.included == 10
    assert first.lines["seats"].billed_through == date(2027, 1, 1)
    assert (first.lines["seats"].deferred, first.customer_credit) == (Decimal("600.00"), Decimal("200.00"))
    assert second.terms.term is not None and second.terms.term.renew == "auto"
    assert first.contract_id != second.contract_id


def test_rows_of_one_contract_need_not_stand_together() -> None:
    found = read(content(SEATS, SEATS | {"external_id": "A-2"}, CALLS))
    assert [group.external_id for group in found.groups] == ["A-1", "A-2"]
    assert found.groups[0].rows == {"seats": 2, "calls": 4}


def test_a_file_of_a_spreadsheet_with_a_mark_and_empty_rows_is_read() -> None:
    text = content(SEATS).decode()
    found = read(b"\xef\xbb\xbf" + text.encode() + b",,,\r\n\r\n")
    assert found.problems == [] and len(found.groups) == 1


@pytest.mark.parametrize(
    ("changes", "column", "says"),
    [
        ({"external_id": "a b"}, "external_id", "match"),
        ({"customer": ""}, "customer", "required"),
        ({"currency": "EUX"}, "currency", "unknown currency"),
        ({"timezone": "Europe/Pari"}, "timezone", "unknown time zone"),
        ({"start": "01/02/2026"}, "start", "2026-07-01"),
        ({"start": "1767225600"}, "start", "2026-07-01"),
        ({"term_months": "1.5"}, "term_months", "whole number"),
        ({"term_months": "0"}, "term_months", "greater than"),
        ({"renew": "auto"}, "term_months", "has a term"),
        ({"anchor_day": "32"}, "anchor_day", "less than"),
        ({"payment_terms_days": "-1"}, "payment_terms_days", "whole number"),
        ({"pays": "cash"}, "pays", "on_invoice"),
        ({"legal_entity": "no spaces"}, "legal_entity", "match"),
        ({"price": "1,200.00"}, "price", "decimal number"),
        ({"price": "0.001"}, "price", "decimals of EUR"),
        ({"price": '{"model": "flat"', "price_model": ""}, "price", "not JSON"),
        ({"price": '{"model": "float", "amount": 1}', "price_model": ""}, "price", "flat"),
        ({"price_model": ""}, "price_model", "per_unit"),
        ({"price": '{"model": "flat", "amount": 1}'}, "price_model", "itself"),
        ({"quantity": "-1"}, "quantity", "greater than"),
        ({"meter": "seats"}, "aggregate", "together"),
        ({"aggregate": "sum"}, "meter", "together"),
        ({"every": "fortnight"}, "every", "month"),
        ({"bill": "later"}, "bill", "arrears"),
        ({"recognize": "as_used"}, "recognize", "needs a meter"),
        ({"billed_through": "soon"}, "billed_through", "2026-07-01"),
        ({"deferred": "-1"}, "deferred", "greater than"),
        ({"customer_credit": "1e3"}, "customer_credit", "decimal number"),
    ],
)
def test_a_wrong_cell_is_named_by_row_and_column(changes: dict[str, str], column: str, says: str) -> None:
    found = places(SEATS | {"external_id": "A-0"}, SEATS | changes)
    assert found.keys() == {(3, column)}
    assert says in found[3, column]


def test_rows_of_one_contract_must_agree() -> None:
    other = CALLS | {"currency": "USD", "timezone": "Europe/Paris", "customer_credit": "1", "line": "seats"}
    assert places(SEATS, other) == {
        (3, "currency"): "USD here, EUR in row 2",
        (3, "timezone"): "Europe/Paris here, empty in row 2",
        (3, "customer_credit"): "it belongs on the contract's first row, 2",
        (3, "line"): "row 2 is this line already",
    }


def test_a_meter_is_counted_in_one_way() -> None:
    found = places(CALLS, CALLS | {"line": "more", "aggregate": "max"})
    assert found == {(3, "aggregate"): "calls is counted by sum in another row"}


def test_many_problems_are_all_told() -> None:
    found = places(SEATS | {"start": "x", "every": "x"}, CALLS | {"external_id": "A-2", "bill": "advance"})
    assert found.keys() == {(2, "start"), (2, "every"), (3, "bill")}


def test_the_header_is_checked_before_the_rows() -> None:
    found = read(b"external_id,customer,customer,colour\r\nA-1,acme,acme,red\r\n").problems
    assert {(problem.row, problem.column) for problem in found} == {
        (1, name)
        for name in (*("customer", "colour", "currency", "start", "line", "price", "every", "bill", "billed_through"),)
    }


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (b"", "empty"),
        (b"\xff\xfe", "UTF-8"),
        (b'external_id\r\n"open', "CSV"),
        (content(SEATS).splitlines()[0], "no rows"),
    ],
)
def test_what_is_no_such_file_is_one_problem(found: bytes, says: str) -> None:
    [problem] = read(found).problems
    assert problem.row == 0 and says in problem.message


def test_a_row_with_too_many_cells_is_told() -> None:
    [problem] = read(content(SEATS).rstrip() + b",1\r\n").problems
    assert problem.row == 2 and "quote cells that hold a comma" in problem.message

# ruff: noqa: E501 - a table of mistakes reads best with each on one line
"""A case file is taken to the letter: what is unknown, missing or wrong is told with its place, and nothing is run."""

from pathlib import Path

import pytest

from cases.format import PriceCase, Scenario, UsageEvent
from cases.mistakes import Mistake, Unreadable
from cases.reading import parse_case, read, read_scenario
from cases.yaml_text import parse

SCENARIO = """
- name: plan
  kind: scenario
  start: 2026-01-01
  end: 2026-01-31
  contract:
    start: 2026-01-01
    lines: [{id: plan, price: {model: flat, amount: "10.00"}, every: month, bill: advance}]
"""
PRICE = """
- name: five
  kind: price
  price: {model: per_unit, amount: "0.05"}
  quantity: 100
  expect: {amount: "5.00"}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cases.yaml"


def refused(file: Path, text: str) -> list[str]:
    """What is wrong with the text, as `place: message`, without file and case."""
    file.write_text(text)
    with pytest.raises(Unreadable) as told:
        read([file])
    return [f"{mistake.path}: {mistake.message}" for mistake in told.value.mistakes]


def scenario(old: str, new: str) -> str:
    assert old in SCENARIO
    return SCENARIO.replace(old, new)


def with_steps(*steps: str) -> str:
    return SCENARIO + "  steps:\n" + "".join(f"    - {step}\n" for step in steps)


# What can be read.


def test_a_file_gives_its_cases_in_their_order(file: Path) -> None:
    file.write_text(PRICE + SCENARIO)
    found = read([file])
    assert [(one.case.name, one.case.kind) for one in found] == [("five", "price"), ("plan", "scenario")]
    assert {one.file for one in found} == {str(file)}


def test_a_folder_gives_the_cases_of_its_files_by_name(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "b.yml").write_text(PRICE)
    (tmp_path / "inner" / "a.yaml").write_text(SCENARIO)
    (tmp_path / "notes.txt").write_text("no case")
    assert [one.case.name for one in read([tmp_path])] == ["five", "plan"]


def test_what_stands_outside_of_the_contract_is_part_of_its_terms(file: Path) -> None:
    around = "  currency: JPY\n  timezone: Asia/Tokyo\n  customer: {tax: [{name: VAT, rate: 10}], pays: on_invoice}\n"
    file.write_text(scenario('amount: "10.00"', "amount: 10") + around + "  meters: [{id: calls, aggregate: max}]\n")
    case = read_scenario(file)
    terms = case.contract
    assert (terms.currency, terms.timezone, terms.pays) == ("JPY", "Asia/Tokyo", "on_invoice")
    assert (terms.tax[0].name, terms.meters[0].aggregate) == ("VAT", "max")


def test_a_usage_event_may_carry_properties(file: Path) -> None:
    event = "{id: e1, at: 2026-01-19T10:00:00Z, value: 3, region: eu}"
    metered = with_steps(f"{{at: 2026-01-20, usage: {{meter: calls, events: [{event}]}}}}")
    file.write_text(metered + "  meters: [{id: calls, aggregate: sum}]\n")
    [step] = read_scenario(file).steps
    [read_event] = step.body.events  # type: ignore[attr-defined]
    assert isinstance(read_event, UsageEvent) and read_event.properties == {"region": "eu"}


def test_the_word_on_is_the_day_of_a_cancellation_and_no_boolean(file: Path) -> None:
    file.write_text(with_steps("{at: 2026-01-20, cancel: {when: date, on: 2026-01-31}}"))
    [step] = read_scenario(file).steps
    assert str(step.body.on) == "2026-01-31"  # type: ignore[attr-defined]


def test_what_an_alias_brings_in_can_be_replaced() -> None:
    content, twice = parse("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}")
    assert (content, twice) == ({"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}, [])


def test_thirty_360_is_read_as_it_is_written(file: Path) -> None:
    file.write_text(scenario("contract:", "contract:\n    proration: 30_360"))
    assert read_scenario(file).contract.proration == "30_360"


def test_a_scenario_needs_no_name_where_it_is_the_only_one(file: Path) -> None:
    file.write_text(SCENARIO.replace("- name: plan\n  kind: scenario\n", "").replace("\n  ", "\n"))
    assert read_scenario(file).name == "cases"


def test_one_scenario_of_several_is_chosen_by_its_name(file: Path) -> None:
    file.write_text(SCENARIO + scenario("name: plan", "name: other"))
    assert read_scenario(file, "other").name == "other"
    with pytest.raises(Unreadable, match="name one of its scenarios with --case: plan, other"):
        read_scenario(file)


def test_a_case_can_be_read_without_a_file() -> None:
    raw = {"name": "a", "kind": "price", "price": {"model": "flat", "amount": "1"}, "quantity": 0}
    case = parse_case(raw | {"expect": {"amount": "1.00"}})
    assert isinstance(case, PriceCase) and case.currency == "USD"
    with pytest.raises(Unreadable, match="expect: this is missing"):
        parse_case(raw)


# Files and folders.


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="nowhere: there is no such file or folder"):
        read([tmp_path / "nowhere"])


def test_a_folder_without_case_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"the folder holds no \.yaml file"):
        read([tmp_path])


@pytest.mark.parametrize("text", ["name: plan\nkind: price\n", "", "[]", "just words"])
def test_what_is_no_list_of_cases_is_told(file: Path, text: str) -> None:
    assert refused(file, text) == [": expected a list of cases"]


@pytest.mark.parametrize("text", ["- [", "- \tname: plan", "\x00"])
def test_what_is_no_yaml_is_told(file: Path, text: str) -> None:
    [mistake] = refused(file, text)
    assert mistake.startswith(": not readable as YAML: ")


def test_a_file_that_is_no_text_is_told(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(Unreadable, match="not readable as YAML"):
        read([file])


def test_a_key_that_stands_twice_in_a_mapping_is_told_with_its_line(file: Path) -> None:
    assert refused(file, PRICE + "  quantity: 7\n") == [": line 7: the key quantity stands twice in one mapping"]


def test_a_date_that_does_not_exist_is_told_with_its_place(file: Path) -> None:
    assert refused(file, scenario("end: 2026-01-31", "end: 2026-02-30")) == [
        "end: should be a valid date or datetime, day value is outside expected range"
    ]


def test_a_name_that_another_case_has_is_told_with_its_file(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(PRICE)
    with pytest.raises(Unreadable) as told:
        read([tmp_path])
    taken = f"the name is taken in {tmp_path / 'a.yaml'}"
    assert told.value.mistakes == (Mistake(str(tmp_path / "b.yaml"), "five", "name", taken),)


# Keys, kinds and values.

FLOAT = 'a float is not exact; write the number as a string, such as "12.30"'
METER = "{id: a, aggregate: sum,"
EVERY = "expected day, week, month, quarter, year, once or a length such as {months: 6}"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("kind: scenario", "kind: scenrio", "kind: 'scenrio' is no kind of case; did you mean scenario?"),
        ("kind: scenario", "kind: [scenario]", "kind: ['scenario'] is no kind of case; did you mean scenario?"),
        ("name: plan", "name: A plan", "name: expected small letters and digits, joined by hyphens, such as"),
        ("end: 2026-01-31", "ends: 2026-01-31", "ends: unknown key; did you mean end?"),
        ("end: 2026-01-31", "end: 2025-12-31", ": end: 2025-12-31 is before the start on 2026-01-01"),
        ("end: 2026-01-31", "end: 2026-01-31\n  timezone: Paris", "timezone: unknown time zone 'Paris'"),
        ("end: 2026-01-31", "end: 2026-01-31\n  currency: usd", "currency: unknown currency 'usd'"),
        ("every: month", "every: mnth", f"contract.lines[0].every: {EVERY}"),
        ("every: month", "every: {month: 2}", "contract.lines[0].every.month: unknown key; did you mean months?"),
        ("bill: advance", "bil: advance", "contract.lines[0].bil: unknown key; did you mean bill?"),
        ("bill: advance", "bill: on time", "contract.lines[0].bill: unknown value 'on time'; known are advance, arrears"),
        ("model: flat", "model: flatt", "contract.lines[0].price: unknown value 'flatt'; did you mean flat?"),
        ("model: flat, ", "", "contract.lines[0].price.model: this is missing"),
        ('amount: "10.00"', 'amont: "10.00"', "contract.lines[0].price.amont: unknown key; did you mean amount?"),
        ('amount: "10.00"', "amount: 10.5", f"contract.lines[0].price.amount: {FLOAT}"),
        ('amount: "10.00"', 'amount: "1.005"', "contract: line plan: price.amount: "),
        ("price: {", "price: 7, ssp: {", "contract.lines[0].price: "),
        ("lines: [", "line: [", "contract.line: unknown key; did you mean lines?"),
        ("lines: [", "meters: [{id: a, aggregate: total}]\n    lines: [", "contract.meters[0].aggregate: unknown value"),
        ("contract:", f"meters: [{METER} filtres: []}}]\n  contract:", "meters[0].filtres: unknown key; did you mean filters?"),
        ("contract:", f"meters: [{METER} expression: a + * b}}]\n  contract:", "meters[0].expression: column 5: expected a number, a name or '(', but '*' stands there"),
        ("contract:", f"meters: [{METER} filters: [{{property: b, op: eq, valeu: c}}]}}]\n  contract:", "meters[0].filters[0].valeu: unknown key; did you mean value?"),
        ("bill: advance", "bill: advance, meter: calls", "contract.lines[0]: line plan: bill: usage is billed in"),
        ("contract:", "customer: {pays: cash}\n  contract:", "customer.pays: unknown value 'cash'; known are"),
        ("contract:", "customer: {tax: [{name: V, rate: 20.0}]}\n  contract:", f"customer.tax[0].rate: {FLOAT}"),
        ("contract:", "customer: 7\n  contract:", "customer: expected a mapping, got 7"),
        ("contract:", "contract: {currency: EUR}\n  steps:", "steps: expected a list of steps"),
        ("start: 2026-01-01\n    lines", "currency: EUR\n    lines", "contract.currency: give it beside the contract"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place_and_the_nearest_word(file: Path, old: str, new: str, told: str) -> None:
    assert any(mistake.startswith(told) for mistake in refused(file, scenario(old, new)))


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        ("{statsu: active}", "expect.statsu: unknown key; did you mean status?"),
        ("{status: activ}", "expect.status: unknown value 'activ'; did you mean active?"),
        ("{invoices: [{totl: 1}]}", "expect.invoices[0].totl: unknown key; did you mean total?"),
        ("{invoices: [{total: 1.5}]}", f"expect.invoices[0].total: {FLOAT}"),
        ("{invoices: 3}", "expect.invoices: expected a list, got 3"),
        ("{revenue: {2026-1: 1}}", "expect.revenue.2026-1: expected a month, such as 2026-01"),
        ("{balances: {2026-01-31: {recievable: 0}}}", "expect.balances.2026-01-31.recievable: unknown value 'recievable'"),
        ("{balances: {2026-01-31: {cash: x}}}", "expect.balances.2026-01-31.cash: expected a decimal number as a string"),
        ("{credit_notes: [{invoice: 0}]}", "expect.credit_notes[0].invoice: should be greater than or equal to 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_expectation_is_told(file: Path, expect: str, told: str) -> None:
    [mistake] = refused(file, SCENARIO + f"  expect: {expect}\n")
    assert mistake.startswith(told)


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        ("price", "price: {model: flat, amount: 1}, expect: {amount: 1}", "give either a quantity or events"),
        ("price", "price: {model: flat, amount: 1}, events: [1.5], expect: {amount: 1}", "events[0]: a float is not"),
        ("periods", "start: 2026-01-01, every: fortnight, count: 2, expect: {}", "every: expected day, week, month"),
        ("periods", "start: 2026-01-01, every: day, count: 0, expect: {}", "count: should be greater than or equal"),
        ("allocate", "price: 1, obligations: [{id: a}], expect: {}", "a: give"),
        ("schedule", "amount: 1, from: 2026-01-01, to: 2026-02-01, method: weekly, expect: {months: {}}", "method: unknown"),
        ("modify", "before: [], change: {price: 1, remov: [a]}, expect: {}", "change.remov: unknown key; did you mean remove?"),
        ("modify", "before: [], change: {price: 1}, treatment: atuo, expect: {}", "treatment: unknown value 'atuo'; did you mean auto?"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_case_of_one_rule_is_told(file: Path, kind: str, body: str, told: str) -> None:
    [mistake] = refused(file, f"- {{name: a, kind: {kind}, {body}}}")
    assert told in mistake


# Steps.


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("{at: 2026-01-16, chang: {line: plan}}", "steps[0].chang: unknown step; did you mean change?"),
        ("{at: 2026-01-16, change: {line: plan, quantty: 1}}", "steps[0].change.quantty: unknown key; did you mean quantity?"),
        ("{at: 2026-01-16, change: {line: plan, invoice: later}}", "steps[0].change.invoice: unknown value 'later'"),
        ("{at: 2026-01-16, pause: {}, resume: {}}", "steps[0]: a step does one thing beside `at`, not 2"),
        ("{at: 2026-01-16}", "steps[0]: a step does one thing beside `at`, not 0"),
        ("pause", "steps[0]: a step is a mapping"),
        ("{pause: {}}", "steps[0].at: give a date, or an instant such as 2026-01-19T10:00:00Z"),
        ("{at: 2026-01-16T10:00:00, pause: {}}", "steps[0].at: an instant needs a time zone"),
        ("{at: 2026-02-01, pause: {}}", "steps[0].at: 2026-02-01 is after the scenario's end on 2026-01-31"),
        ("{at: 2026-01-16, gateway: {}}", "steps[0].gateway: give either `declines: CODE` or `accepts: all`"),
        ("{at: 2026-01-16, pay: {invoice: 1, amount: -1}}", "steps[0].pay.amount: should be greater than 0"),
        ("{at: 2026-01-16, deliver: {line: plan, percent: 101}}", "steps[0].deliver.percent: should be less than"),
        ("{at: 2026-01-16, usage: {meter: calls, events: []}}", "steps[0].usage.meter: 'calls' is not among the meters"),
        ("{at: 2026-01-16, add_line: {line: {id: x, price: {model: flat, amount: 1}, every: monthly, bill: advance}}}", f"steps[0].add_line.line.every: {EVERY}"),
        ("{at: 2026-01-16, add_line: {line: {id: x, price: {model: flat, amont: 1}, every: month, bill: advance}}}", "steps[0].add_line.line.price.amount: this is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_step_is_told(file: Path, step: str, told: str) -> None:
    assert refused(file, with_steps(step))[0].startswith(told)


def test_an_event_without_a_zone_is_told(file: Path) -> None:
    step = "{at: 2026-01-20, usage: {meter: calls, events: [{id: e, at: 2026-01-19T10:00:00, value: 1}]}}"
    text = with_steps(step) + "  meters: [{id: calls, aggregate: sum}]\n"
    assert refused(file, text) == [
        "steps[0].usage.events[0].at: an instant needs a time zone, such as 2026-01-19T10:00:00Z"
    ]


def test_steps_out_of_order_are_told_by_their_number_in_the_file(file: Path) -> None:
    """In Paris the 16th begins at 23:00 of the 15th in UTC, so the last step is before the one that stands before it."""
    steps = ("{at: 2026-01-15, wait: {}}", "{at: 2026-01-16, pause: {}}", "{at: 2026-01-15T22:30:00Z, resume: {}}")
    text = with_steps(*steps) + "  timezone: Europe/Paris\n"
    assert refused(file, text) == [
        "steps[0].wait: unknown step; known are " + ", ".join(STEPS),
        "steps[2].at: 2026-01-15 22:30:00+00:00 is before the step that stands before it",
    ]


STEPS = [
    *(
        "change",
        "add_line",
        "remove_line",
        "change_meter",
        "usage",
        "gateway",
        "new_payment_method",
        "pause",
        "resume",
        "cancel",
    ),
    *("withdraw_cancellation", "reactivate", "extend_trial", "end_trial", "pay", "refund", "credit_note", "void"),
    *("write_off", "dispute", "dispute_won", "dispute_lost", "deliver", "close"),
]


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(scenario("bill: advance", "bill: on time, evry: month") + "  statsu: active\n")
    (tmp_path / "b.yaml").write_text("- [")
    (tmp_path / "c.yaml").write_text("- 7\n- {kind: price}\n")
    with pytest.raises(Unreadable) as told:
        read([tmp_path, tmp_path / "missing"])
    assert [(Path(m.file).name, m.case, m.path) for m in told.value.mistakes] == [
        ("a.yaml", "plan", "contract.lines[0].bill"),
        ("a.yaml", "plan", "contract.lines[0].evry"),
        ("a.yaml", "plan", "statsu"),
        ("b.yaml", "", ""),
        ("c.yaml", "number 1", ""),
        ("c.yaml", "number 2", "name"),
        ("c.yaml", "number 2", "price"),
        ("c.yaml", "number 2", "expect"),
        ("missing", "", ""),
    ]
    assert str(told.value.mistakes[0]) == (
        f"{tmp_path / 'a.yaml'}: case plan: contract.lines[0].bill: unknown value 'on time'; known are advance, arrears"
    )


def test_a_scenario_is_one(file: Path) -> None:
    file.write_text(SCENARIO)
    assert isinstance(read([file])[0].case, Scenario)

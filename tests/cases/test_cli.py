"""The commands `perennial check` and `perennial simulate`, as they are typed."""

import csv
import io
import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cases.cli import _progress
from cli import app

FIVE = """
- name: five
  kind: price
  price: {model: per_unit, amount: "0.05"}
  quantity: 100
  expect: {amount: "5.00"}
"""
SIX = FIVE.replace("name: five", "name: six").replace("0.05", "0.06")
# January has 31 days: a dollar a day, and two from the 16th on.
PLAN = """
- name: plan
  kind: scenario
  start: 2026-01-01
  end: 2026-02-28
  contract:
    start: 2026-01-01
    lines: [{id: plan, price: {model: flat, amount: "31.00"}, every: month, bill: advance}]
  steps: [{at: 2026-01-16, change: {line: plan, price: {model: flat, amount: "62.00"}}}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cases.yaml"


def typed(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def told(result: Result) -> list[str]:
    return [line.rstrip() for line in result.stdout.splitlines()]


# check.


def test_a_file_whose_cases_pass_exits_with_0(file: Path) -> None:
    file.write_text(FIVE + PLAN)
    result = typed("check", file)
    assert (result.exit_code, told(result)) == (0, ["PASS five", "PASS plan", "2 passed, 0 failed"])


def test_a_case_that_fails_says_what_differs_and_exits_with_1(file: Path) -> None:
    expect = '{invoices: [{total: "30.00", status: open}, {}, {}], status: paused}'
    file.write_text(f"{FIVE}{SIX}{PLAN}  expect: {expect}\n")
    result = typed("check", file)
    assert (result.exit_code, told(result)) == (
        1,
        [
            "PASS five",
            "FAIL six: amount: expected 5.00, got 6.00",
            "FAIL plan: status: expected paused, got active",
            "     invoices[0].total: expected 30.00, got 31.00",
            "     invoices[0].status: expected open, got paid",
            "1 passed, 2 failed",
        ],
    )


def test_a_step_that_is_refused_fails_its_case_and_the_others_go_on(file: Path) -> None:
    file.write_text(PLAN.replace("{line: plan, price", "{line: plam, price") + FIVE)
    result = typed("check", file)
    assert result.exit_code == 1
    assert told(result)[0].startswith("FAIL plan: refused at /line: ")
    assert told(result)[1:] == ["PASS five", "1 passed, 1 failed"]


def test_check_prints_the_same_as_json(file: Path) -> None:
    file.write_text(FIVE + SIX)
    result = typed("check", file, "--json")
    case = {"file": str(file), "kind": "price"}
    assert (result.exit_code, json.loads(result.stdout)) == (
        1,
        {
            "cases": [
                case | {"name": "five", "differences": [], "passed": True},
                case | {"name": "six", "differences": ["amount: expected 5.00, got 6.00"], "passed": False},
            ],
            "passed": 1,
            "failed": 1,
        },
    )


def test_a_folder_is_checked_with_all_that_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.yml").write_text(FIVE)
    (tmp_path / "b.yaml").write_text(PLAN)
    assert told(typed("check", tmp_path)) == ["PASS plan", "PASS five", "2 passed, 0 failed"]


def test_a_filter_leaves_out_the_cases_of_other_names(file: Path) -> None:
    file.write_text(FIVE + SIX)
    assert told(typed("check", file, "--filter", "iv")) == ["PASS five", "1 passed, 0 failed"]
    result = typed("check", file, "--filter", "seven")
    assert (result.exit_code, result.stderr) == (2, f"{file}: no case has 'seven' in its name\n")


def test_mistakes_of_all_files_are_told_at_once_and_nothing_is_run(tmp_path: Path) -> None:
    wrong = {
        "a.yaml": FIVE.replace("quantity", "quantty"),
        "b.yaml": PLAN.replace("kind: scenario", "kind: scenari"),
        "c.yaml": PLAN.replace("bill: advance", "bill: advanse"),
        "d.yaml": "",
        "e.yaml": "- [",
        "f.yaml": SIX + SIX,
    }
    for name, text in wrong.items():
        (tmp_path / name).write_text(text)
    result = typed("check", *(tmp_path / name for name in wrong), tmp_path / "nowhere")
    lines = [line.removeprefix(f"{tmp_path}/") for line in result.stderr.splitlines()]
    unreadable = lines.pop(4)
    assert (result.exit_code, result.stdout, lines) == (
        2,
        "",
        [
            "a.yaml: case five: quantty: unknown key; did you mean quantity?",
            "b.yaml: case plan: kind: 'scenari' is no kind of case; did you mean scenario?",
            "c.yaml: case plan: contract.lines[0].bill: unknown value 'advanse'; did you mean advance?",
            "d.yaml: expected a list of cases",
            "nowhere: there is no such file or folder",
            f"f.yaml: case six: name: the name is taken in {tmp_path}/f.yaml",
        ],
    )
    assert unreadable.startswith("e.yaml: not readable as YAML: ")


def test_mistakes_are_told_as_json_too(file: Path) -> None:
    file.write_text(FIVE.replace("quantity", "quantty"))
    mistake = {
        "file": str(file),
        "case": "five",
        "path": "quantty",
        "message": "unknown key; did you mean quantity?",
    }
    for command in ("check", "simulate"):
        result = typed(command, file, "--json")
        assert (result.exit_code, json.loads(result.stdout)) == (2, {"mistakes": [mistake]})


def test_progress_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    assert not _progress().disable
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert _progress().disable


# simulate.


def test_a_scenario_is_told_in_tables(file: Path) -> None:
    file.write_text(PLAN)
    result = typed("simulate", file)
    assert (result.exit_code, told(result)) == (
        0,
        [
            "Invoices",
            "  status / line date / from to            net  tax total",
            "1 paid          2026-01-01              31.00 0.00 31.00",
            "  plan          2026-01-01  2026-02-01  31.00",
            "2 paid          2026-01-16              16.00 0.00 16.00",
            "  plan          2026-01-16  2026-02-01 -16.00",
            "  plan          2026-01-16  2026-02-01  32.00",
            "3 paid          2026-02-01              62.00 0.00 62.00",
            "  plan          2026-02-01  2026-03-01  62.00",
            "Revenue by month",
            " month     plan  revenue",
            " 2026-01  47.00    47.00",
            " 2026-02  62.00    62.00",
            "Balances",
            " at the end of    cash  revenue",
            " 2026-01-31      47.00    47.00",
            " 2026-02-28     109.00   109.00",
            "Status on 2026-02-28: active. Due next: 2026-03-01, to bill.",
        ],
    )


def test_months_replace_the_end(file: Path) -> None:
    file.write_text(PLAN)
    story = json.loads(typed("simulate", file, "--months", "3", "--json").stdout)
    assert [invoice["total"] for invoice in story["invoices"]] == ["31.00", "16.00", "62.00", "62.00"]
    assert story["revenue"] == {"2026-01": "47.00", "2026-02": "62.00", "2026-03": "62.00"}
    assert story["next_due"] == {"on": "2026-04-01", "reason": "bill"}


def test_a_story_as_json_says_how_each_amount_came_about(file: Path) -> None:
    file.write_text(PLAN.replace('{model: flat, amount: "31.00"}', '{model: per_unit, amount: "15.50"}, quantity: 2'))
    story = json.loads(typed("simulate", file, "--months", "1", "--json").stdout)
    [step] = story["invoices"][0]["lines"][0]["steps"]
    assert (step["quantity"], step["unit_price"], step["amount"]) == ("2", "15.50", "31.00")
    assert story["balances"] == {"2026-01-31": {"cash": "47.00", "revenue": "47.00"}}
    assert (story["currency"], story["status"], story["credit_notes"]) == ("USD", "active", [])


def test_a_story_as_csv_has_a_row_for_each_line(file: Path) -> None:
    file.write_text(PLAN)
    header, *rows = csv.reader(io.StringIO(typed("simulate", file, "--csv", "--months", "1").stdout))
    assert header == ["document", "date", "line", "kind", "from", "to", "amount", "currency", "status"]
    assert rows == [
        ["invoice 1", "2026-01-01", "plan", "charge", "2026-01-01", "2026-02-01", "31.00", "USD", "paid"],
        ["invoice 2", "2026-01-16", "plan", "credit", "2026-01-16", "2026-02-01", "-16.00", "USD", "paid"],
        ["invoice 2", "2026-01-16", "plan", "charge", "2026-01-16", "2026-02-01", "32.00", "USD", "paid"],
    ]


def test_a_scenario_is_told_whatever_it_expects(file: Path) -> None:
    file.write_text(PLAN)
    without = typed("simulate", file).stdout
    file.write_text(PLAN + "  expect: {status: paused}\n")
    assert typed("simulate", file).stdout == without


def test_one_scenario_of_several_is_named(file: Path) -> None:
    file.write_text(PLAN + PLAN.replace("name: plan", "name: other").replace("31.00", "62.00") + FIVE)
    unnamed = typed("simulate", file)
    assert (unnamed.exit_code, unnamed.stderr) == (
        2,
        f"{file}: name one of its scenarios with --case: plan, other\n",
    )
    story = json.loads(typed("simulate", file, "--case", "other", "--json").stdout)
    assert [invoice["total"] for invoice in story["invoices"]] == ["62.00", "0.00", "62.00"]


def test_a_story_that_is_refused_says_where(file: Path) -> None:
    file.write_text(PLAN.replace("{line: plan, price", "{line: plam, price"))
    result = typed("simulate", file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("perennial: /line: ")

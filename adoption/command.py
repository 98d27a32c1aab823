"""The command `perennial adopt`: every problem of a file by row, or its contracts adopted one by one."""

import json
import sys
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlmodel import Session

from adoption.asked import Adoption, Problem
from adoption.reading import Found, read
from adoption.storing import Outcome, adopt, check
from models.customer import resolve_customer
from models.database import Database
from models.dispatch import database_now

REFUSED: Final = 2


@dataclass(frozen=True, slots=True)
class Result:
    """One contract of the file: what became of it, or would."""

    external_id: str
    contract_id: str
    outcome: Outcome


@dataclass(slots=True)
class Report:
    """What the command says. With problems nothing was written."""

    on: date
    dry_run: bool
    contracts: list[Result] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def run(file: Path, database: Database, console: Console, *, on: date | None, dry_run: bool, as_json: bool) -> int:
    """The exit status: 2 where anything is wrong with the file, of which nothing is written then.

    `on` is the database's day if absent.
    """
    found = read(file.read_bytes())
    with _progress() as progress:
        report = adopt_all(found, database, on=on, dry_run=dry_run, progress=progress)
    if as_json:
        sys.stdout.write(json.dumps(asdict(report), default=str, indent=2) + "\n")
    else:
        _print(report, console)
    return REFUSED if report.problems else 0


def adopt_all(found: Found, database: Database, *, on: date | None, dry_run: bool, progress: Progress) -> Report:
    """Check every contract, then adopt each in a transaction of its own unless anything is wrong.

    One that is there already is left as it is, so a run that was broken off is finished by the next.
    """
    now = database.run(database_now)
    report = Report(on or now.date(), dry_run, problems=list(found.problems))
    database.run(lambda session: _check_customers(session, found, report))
    wanted: list[Adoption] = []
    for group in progress.track(found.groups, description="checking"):
        if group.adoption is None:
            continue
        asked = group.adoption
        with database.transaction() as session:
            checked = check(session, asked, report.on)
        report.problems += [group.problem(fault) for fault in checked.faults]
        report.contracts.append(Result(asked.external_id, checked.contract_id, checked.outcome))
        if checked.outcome == "adopted":
            wanted.append(asked)
    report.problems = sorted(set(report.problems))
    if report.problems:
        report.contracts = []
    elif not dry_run:
        for asked in progress.track(wanted, description="adopting"):
            _adopt(database, asked, report.on)
    return report


def _adopt(database: Database, asked: Adoption, on: date) -> None:
    database.run(lambda session: adopt(session, asked, on=on, at=database_now(session)))


def _check_customers(session: Session, found: Found, report: Report) -> None:
    """Also those of contracts that are wrong otherwise."""
    complete = {group.adoption.customer for group in found.groups if group.adoption is not None}
    for reference, (row, external_id) in found.customers.items():
        if reference not in complete and resolve_customer(session, reference) is None:
            message = "there is no customer with this id or key; create it first"
            report.problems.append(Problem(row, "customer", message, external_id))


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _print(report: Report, console: Console) -> None:
    if report.problems:
        table = Table("row", "contract", "column", "problem", box=None, header_style="bold")
        for problem in report.problems:
            cells = (problem.external_id, problem.column, problem.message)
            table.add_row(str(problem.row or "-"), *(escape(cell) or "-" for cell in cells))
        console.print(table)
        console.print(f"{len(report.problems)} problems; nothing was written.")
        return
    new = sum(result.outcome == "adopted" for result in report.contracts)
    done = "would be adopted" if report.dry_run else "adopted"
    console.print(f"{new} {done} on {report.on}, {len(report.contracts) - new} unchanged.")

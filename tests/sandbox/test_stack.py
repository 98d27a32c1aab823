"""The stack with its real servers: what is killed comes back, what runs is left alone, nothing is lost."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import stripe

from sandbox import credentials, state, temporal
from sandbox.part import PartFailed
from sandbox.plan import Plan
from sandbox.ports import HOST, choose_port
from sandbox.stack import Stack
from settings import StackSettings, child_environment

pytestmark = pytest.mark.xdist_group("stack")

STORES = ("temporal", "stripe", "postgres")


@pytest.fixture(scope="module", autouse=True)
def no_outside_temporal() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
            patch.delenv(name)
        yield


def settings(home: Path, **changes: Any) -> StackSettings:
    """Settings whose ports are free, and that name nothing outside."""
    taken: set[int] = set()
    for name in ("postgres_port", "temporal_port", "temporal_ui_port", "stripe_port", "api_port"):
        changes.setdefault(name, choose_port([], taken))
        taken.add(changes[name])
    return StackSettings(**{"home": home, "database_url": None, "stripe_api_key": None, **changes})


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The three servers that the product stands on, in a folder whose name holds a space."""
    made = Stack(settings(tmp_path_factory.mktemp("a stack") / "home"), only=STORES)
    yield made
    made.down()


def pids(stack: Stack) -> dict[str, int | None]:
    return {part.name: part.pid for part in stack.status()}


def kill(stack: Stack, *names: str) -> None:
    running = pids(stack)
    for name in names:
        pid = running[name]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)


def conditions(stack: Stack) -> dict[str, str]:
    return {part.name: part.condition for part in stack.status()}


def execute(plan: Plan, statement: str) -> list[Any]:
    with psycopg.connect(plan.database_url().replace("+psycopg", "")) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def ask_temporal(plan: Plan, *arguments: str) -> str:
    environment = child_environment(plan.temporal_environment())
    return subprocess.run(
        [temporal.binary(), *arguments], env=environment, capture_output=True, text=True, check=True
    ).stdout


def stripe_client(plan: Plan) -> stripe.StripeClient:
    return stripe.StripeClient(plan.credentials.stripe_api_key, base_addresses={"api": plan.address("stripe")})


def test_what_runs_is_left_alone(stack: Stack) -> None:
    stack.up()
    before = pids(stack)
    stack.up()
    assert pids(stack) == before
    assert conditions(stack) == dict.fromkeys(STORES, "healthy")


@pytest.mark.parametrize("victims", [("temporal",), ("stripe",), ("postgres",), STORES])
def test_after_kill_nothing_is_lost_and_the_others_go_on(stack: Stack, victims: tuple[str, ...]) -> None:
    plan = stack.up()
    mark = f"mark_{'_'.join(victims)}"
    execute(plan, f"CREATE TABLE {mark} AS SELECT 1 AS kept")
    ask_temporal(plan, "workflow", "start", "--task-queue", "none", "--type", "None", "--workflow-id", mark)
    customer = stripe_client(plan).v1.customers.create({"name": mark})
    before = pids(stack)

    kill(stack, *victims)
    plan = stack.up()

    assert conditions(stack) == dict.fromkeys(STORES, "healthy")
    after = pids(stack)
    assert {name for name in STORES if before[name] != after[name]} == set(victims)
    assert execute(plan, f"SELECT kept FROM {mark}") == [(1,)]
    assert '"WORKFLOW_EXECUTION_STATUS_RUNNING"' in ask_temporal(plan, "workflow", "describe", "-w", mark, "-o", "json")
    assert stripe_client(plan).v1.customers.retrieve(customer.id).name == mark


def test_one_part_alone_comes_back_among_the_others_as_they_are(stack: Stack) -> None:
    plan = stack.up()
    before = pids(stack)
    kill(stack, "stripe")
    assert Stack(stack.settings, only=["stripe"]).up().ports == plan.ports
    after = pids(stack)
    assert {name for name in STORES if before[name] != after[name]} == {"stripe"}
    assert conditions(stack) == dict.fromkeys(STORES, "healthy")


def test_the_schema_is_brought_up_to_date(stack: Stack) -> None:
    assert len(execute(stack.up(), "SELECT version_num FROM alembic_version")) == 1


def test_every_search_attribute_is_registered(stack: Stack) -> None:
    listed = ask_temporal(stack.up(), "operator", "search-attribute", "list")
    lines = {tuple(line.split()) for line in listed.splitlines()}
    assert set(temporal.SEARCH_ATTRIBUTES.items()) <= lines


def test_a_part_whose_port_was_taken_moves_and_what_calls_it_is_told(stack: Stack) -> None:
    """The Stripe sandbox is told the API's address: when the API has to move, the sandbox starts again."""
    stack.up()
    before = pids(stack)
    port = stack.plan().ports["api"]
    with socket.create_server((HOST, port)):
        moved = stack.up()
        after = pids(stack)
    assert moved.ports["api"] != port
    assert {name for name in STORES if before[name] != after[name]} == {"stripe"}


def test_a_lost_record_loses_no_process(stack: Stack) -> None:
    stack.up()
    before = pids(stack)
    recorded = (stack.home / state.FILE).read_text()
    (stack.home / state.FILE).write_text("{")
    assert pids(stack) == before
    (stack.home / state.FILE).write_text(recorded)


def test_a_stack_in_another_folder_runs_beside_it(stack: Stack, tmp_path: Path) -> None:
    plan = stack.up()
    before = pids(stack)
    other = Stack(settings(tmp_path / "home", stripe_port=plan.ports["stripe"]), only=["stripe"])
    try:
        moved = other.up()
        assert moved.ports["stripe"] != plan.ports["stripe"]
        assert conditions(other) == {"stripe": "healthy"}
    finally:
        other.down()
    assert conditions(other) == {"stripe": "stopped"}
    assert pids(stack) == before


def test_down_stops_everything_and_up_finds_it_all_again(stack: Stack) -> None:
    plan = stack.up()
    execute(plan, "CREATE TABLE survives AS SELECT 1 AS kept")
    stack.down()
    assert conditions(stack) == dict.fromkeys(STORES, "stopped")
    again = stack.up()
    assert again.ports == plan.ports
    assert execute(again, "SELECT kept FROM survives") == [(1,)]


def test_an_outside_database_is_used_and_never_stopped(stack: Stack, tmp_path: Path) -> None:
    plan = stack.up()
    other = Stack(settings(tmp_path / "home", database_url=plan.database_url()), only=["postgres"])
    assert other.up().database_url() == plan.database_url()
    other.down()
    assert [(part.condition, part.outside, part.pid) for part in other.status()] == [("healthy", True, None)]


def test_an_outside_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://user:hidden-word@{HOST}:{choose_port([], set())}/ledger"
    with pytest.raises(PartFailed, match=r"postgres: postgresql://127\.0\.0\.1:\d+/ledger does not answer") as failure:
        Stack(settings(tmp_path / "home", database_url=url), only=["postgres"]).up()
    assert "hidden-word" not in str(failure.value)


def test_a_part_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "stripe.db").mkdir(parents=True)
    with pytest.raises(PartFailed, match="stripe does not answer") as failure:
        Stack(settings(home), only=["stripe"]).up()
    assert "unable to open database file" in str(failure.value)


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    first = credentials.load_or_make(tmp_path, keep=True)
    assert stat.S_IMODE((tmp_path / credentials.FILE).stat().st_mode) == 0o600
    assert credentials.load_or_make(tmp_path, keep=True) == first


def test_the_commands_start_show_and_stop_in_the_foreground(tmp_path: Path) -> None:
    ports = settings(tmp_path)
    environment = child_environment(
        {"PERENNIAL_HOME": str(tmp_path / "home"), "PERENNIAL_STRIPE_PORT": str(ports.stripe_port)}
    )
    command = [sys.executable, "-m", "cli"]
    with subprocess.Popen(
        [*command, "up", "--foreground", "--only", "stripe"], env=environment, stdout=subprocess.PIPE, text=True
    ) as foreground:
        assert foreground.stdout is not None
        while "Ctrl-C stops the stack" not in (line := foreground.stdout.readline()):
            assert line
        shown = subprocess.run([*command, "status", "--json"], env=environment, capture_output=True, check=False)
        assert json.loads(shown.stdout)["stripe"]["condition"] == "healthy"
        foreground.terminate()
        assert foreground.wait(30) == 0
    shown = subprocess.run([*command, "status", "--json"], env=environment, capture_output=True, check=False)
    assert (shown.returncode, json.loads(shown.stdout)["stripe"]["condition"]) == (1, "stopped")
    written = subprocess.run([*command, "logs", "stripe"], env=environment, capture_output=True, check=True)
    assert b"Application startup complete" in written.stdout

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlmodel import Session, select

from models.account import Account
from models.database import APPLICATION_ROLE, ATTEMPTS_MAX, Database, sqlstate


@pytest.fixture
def notes(database: Database) -> Database:
    with database.transaction() as session:
        session.execute(text("CREATE TABLE note (body text)"))
    return database


def bodies(database: Database) -> list[str]:
    with database.transaction() as session:
        return list(session.execute(text("SELECT body FROM note ORDER BY body")).scalars())


def write(session: Session, body: str) -> None:
    session.execute(text("INSERT INTO note VALUES (:body)"), {"body": body})


def fail_with(session: Session, state: str) -> None:
    session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}', MESSAGE = 'planted'; END $$"))


class FailingWork:
    """Writes a note and then fails as often as it is told to."""

    def __init__(self, state: str, failures: int) -> None:
        self.state, self.failures, self.attempts = state, failures, 0

    def __call__(self, session: Session) -> int:
        self.attempts += 1
        write(session, f"attempt {self.attempts}")
        if self.attempts <= self.failures:
            fail_with(session, self.state)
        return self.attempts


def test_a_transaction_commits_when_its_block_ends(notes: Database) -> None:
    with notes.transaction() as session:
        write(session, "kept")
    assert bodies(notes) == ["kept"]


def test_a_transaction_rolls_back_when_its_block_raises(notes: Database) -> None:
    with pytest.raises(KeyError), notes.transaction() as session:
        write(session, "lost")
        raise KeyError
    assert bodies(notes) == []


def test_objects_can_be_read_after_the_commit(database: Database) -> None:
    with database.transaction() as session:
        account = session.exec(select(Account).where(Account.code == "cash")).one()
    assert account.name == "Cash"


def test_every_session_is_in_utc_read_committed_and_bounded(database: Database) -> None:
    names = ("TimeZone", "transaction_isolation", "statement_timeout", "lock_timeout")
    with database.transaction() as session:
        settings = [session.execute(text(f"SHOW {name}")).scalar_one() for name in names]
    assert settings == ["UTC", "read committed", "1min", "15s"]


@pytest.mark.parametrize("state", ["40001", "40P01", "08006", "57P01"])
def test_the_whole_work_runs_again_after_a_failure_that_may_pass(notes: Database, state: str) -> None:
    work = FailingWork(state, failures=2)
    assert notes.run(work) == 3
    assert bodies(notes) == ["attempt 3"]


def test_work_is_not_run_again_for_ever(notes: Database) -> None:
    work = FailingWork("40001", failures=1_000)
    with pytest.raises(DBAPIError) as error:
        notes.run(work)
    assert (sqlstate(error.value), work.attempts) == ("40001", ATTEMPTS_MAX)
    assert bodies(notes) == []


@pytest.mark.parametrize("state", ["23505", "23514", "42501", "55P03"])
def test_a_failure_that_would_come_again_is_raised_at_once(notes: Database, state: str) -> None:
    work = FailingWork(state, failures=1)
    with pytest.raises(DBAPIError):
        notes.run(work)
    assert work.attempts == 1


def test_work_runs_again_after_its_connection_was_cut(notes: Database) -> None:
    attempts = []

    def work(session: Session) -> None:
        attempts.append(session.execute(text("SELECT pg_backend_pid()")).scalar_one())
        write(session, f"attempt {len(attempts)}")
        if len(attempts) == 1:
            with notes.transaction() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": attempts[0]})
            session.execute(text("SELECT 1"))

    notes.run(work)
    assert len(set(attempts)) == 2
    assert bodies(notes) == ["attempt 2"]


def test_a_server_that_is_not_there_is_asked_a_bounded_number_of_times() -> None:
    absent = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(OperationalError):
        absent.run(lambda session: session.execute(text("SELECT 1")))
    absent.dispose()


def test_the_application_role_reads_and_writes_but_leaves_the_journal_alone(database: Database) -> None:
    application = Database(database.url, role=APPLICATION_ROLE)
    with application.transaction() as session:
        assert session.execute(text("SELECT current_user")).scalar_one() == "perennial_app"
        assert len(session.exec(select(Account)).all()) == 16
    with pytest.raises(ProgrammingError, match="permission denied"):
        application.run(lambda session: session.execute(text("DELETE FROM journal_line")))
    application.dispose()

from datetime import UTC, datetime, timedelta

from models.database import Database
from models.idempotency import Claim, Claimed, InFlight, Mismatch, Saved, claim, prune, release, save

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LEASE = timedelta(minutes=1)


def claimed(database: Database, token: str, *, at: datetime = NOON, request_hash: str = "h") -> Claim:
    return database.run(
        lambda session: claim(
            session, api_key_id="key_1", key="k", request_hash=request_hash, token=token, at=at, lease=LEASE
        )
    )


def saved(database: Database, token: str, body: bytes) -> None:
    with database.transaction() as session:
        save(session, api_key_id="key_1", key="k", token=token, status=201, headers="{}", body=body)


def test_a_key_is_claimed_once_then_in_flight_then_answered(database: Database) -> None:
    assert claimed(database, "one") == Claimed()
    assert claimed(database, "two") == InFlight(NOON + LEASE)
    saved(database, "one", b"done")
    assert claimed(database, "three") == Saved(201, "{}", b"done")


def test_another_request_never_gets_the_answer(database: Database) -> None:
    claimed(database, "one")
    assert claimed(database, "two", request_hash="other") == Mismatch()
    saved(database, "one", b"done")
    assert claimed(database, "two", request_hash="other") == Mismatch()


def test_who_was_taken_over_can_neither_save_nor_release(database: Database) -> None:
    claimed(database, "one")
    assert claimed(database, "two", at=NOON + LEASE) == Claimed()

    saved(database, "one", b"late")
    with database.transaction() as session:
        release(session, api_key_id="key_1", key="k", token="one")

    assert claimed(database, "three", at=NOON + LEASE) == InFlight(NOON + 2 * LEASE)
    saved(database, "two", b"done")
    assert claimed(database, "three") == Saved(201, "{}", b"done")


def test_a_released_key_is_free_at_once(database: Database) -> None:
    claimed(database, "one")
    with database.transaction() as session:
        release(session, api_key_id="key_1", key="k", token="one")
    assert claimed(database, "two") == Claimed()


def test_old_records_are_pruned(database: Database) -> None:
    claimed(database, "one")
    with database.transaction() as session:
        assert prune(session, NOON) == 0
        assert prune(session, NOON + timedelta(seconds=1)) == 1
    assert claimed(database, "two") == Claimed()

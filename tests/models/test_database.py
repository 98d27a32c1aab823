from sqlalchemy import text

from models.database import Database


def test_a_transaction_commits_when_its_block_ends(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("CREATE TABLE note (body text)"))
        session.execute(text("INSERT INTO note VALUES ('kept')"))
    with database.transaction() as session:
        assert session.execute(text("SELECT body FROM note")).scalar_one() == "kept"


def test_b(database: Database) -> None:
    with database.transaction() as session:
        assert session.execute(text("SHOW timezone")).scalar_one() == "UTC"

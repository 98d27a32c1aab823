"""Brings a database to the schema of this release."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine


def migrate(url: str, revision: str = "head") -> None:
    """Apply every migration up to `revision` that the database at `url` does not have yet.

    All of them run in one transaction; of several processes that migrate at once, one does and the others wait.
    """
    engine = create_engine(url)
    with engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def alembic_config() -> Config:
    """The Alembic configuration, which needs no file beside this package."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config

"""Brings a database to the schema of this release. Migrations only go forward: taking one back would take the
journal with it.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

# An advisory lock: any number that nothing else locks.
MIGRATION_LOCK = 7_265_112


def migrate(url: str) -> None:
    """Apply every migration that the database at `url` does not have yet.

    All of them run in one transaction; of several processes that migrate at once, one does and the others wait.
    """
    engine = create_engine(url)
    with engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


def alembic_config() -> Config:
    """The Alembic configuration, which needs no file beside this package."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config

"""What Alembic runs for every command: it migrates over the connection it is given, or over `-x url=...`."""

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, create_engine, text
from sqlmodel.sql.sqltypes import AutoString

import models.tables  # noqa: F401 - completes the metadata
from models.base import metadata
from models.migrations import MIGRATION_LOCK


def rendered(kind: str, item: object, _: AutogenContext) -> str | Literal[False]:
    """How a new migration writes `item`: without a type of SQLModel's, which later releases may not have."""
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False


def run(connection: Connection) -> None:
    # Deployed processes may migrate at once: the second waits here and then finds nothing to do.
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        compare_server_default=True,
        render_item=rendered,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = create_engine(context.get_x_argument(as_dictionary=True)["url"])
    with engine.begin() as own:
        run(own)
    engine.dispose()

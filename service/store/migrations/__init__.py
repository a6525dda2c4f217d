"""Brings the tables of the store up to date: one file in `versions/` for each change, run by Alembic."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

NEWEST = "0002"
"""The revision that this code works with."""

_TABLE = "alembic_version"


class NewerError(Exception):
    """The tables are at a revision that this code does not know; the message is its name."""


def current(connection: Connection) -> str | None:
    """Return the revision that the tables are at; None if there are none."""
    if not inspect(connection).has_table(_TABLE):
        return None
    revision: str | None = connection.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar()  # noqa: S608
    return revision


def upgrade(connection: Connection) -> None:
    """Run what is missing, in the transaction of `connection`; nobody else may do so meanwhile.

    Raises:
        NewerError: if the tables are ahead of this code.
    """
    from alembic import command  # noqa: PLC0415 - only who finds old tables waits for it
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = current(connection)
    if found is not None and found not in known:
        raise NewerError(f"revision {found}")
    command.upgrade(config, NEWEST)

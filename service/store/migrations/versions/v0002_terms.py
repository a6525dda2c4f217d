"""Observations a third as large: what no query asks for in one column, what rows say again and again as terms."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the new table, and take over what the old one holds: a few seconds for a million rows."""
    _set_aside()
    _make()
    _take_over()
    op.drop_table("observation_0001")


def _set_aside() -> None:
    op.drop_index("observation_phase", "observation")
    op.drop_index("observation_age", "observation")
    op.rename_table("observation", "observation_0001")
    if op.get_bind().dialect.name == "postgresql":  # where a primary key has a name of its own
        op.execute("ALTER INDEX observation_pkey RENAME TO observation_0001_pkey")


def _make() -> None:
    op.create_table(
        "term",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("content", _BYTES_IN_ORDER, nullable=False, comment="JSON"),
        sa.UniqueConstraint("content"),
    )
    op.create_table(
        "observation",
        sa.Column("prediction_id", _BYTES_IN_ORDER, primary_key=True, comment="ordered by time"),
        sa.Column("phase", sa.Integer, nullable=False, comment="term of the experiment and the number of its phase"),
        sa.Column("unit", sa.Text, comment="HMAC of the client's key"),
        sa.Column("text_hmac", sa.Text, comment="NULL once stripped"),
        sa.Column("text", sa.Text),
        sa.Column("audit", sa.Boolean, nullable=False),
        sa.Column("disagree", sa.Boolean, nullable=False, comment="whether two arms gave different labels"),
        sa.Column("repeated", sa.Boolean, nullable=False, comment="found, before stripping, to repeat an earlier text"),
        sa.Column("detail", sa.LargeBinary, nullable=False, comment="all that no query asks for, see encoding.py"),
        sqlite_with_rowid=False,
    )
    op.create_index("observation_phase", "observation", ["phase", "prediction_id"])


def _take_over() -> None:
    """Copy every row; its detail is JSON, which goes on to be read, with each number to its last digit."""
    connection = op.get_bind()
    term = sa.table("term", sa.column("number"), sa.column("content"))
    detail = _DETAIL[connection.dialect.name]
    for phase in connection.execute(sa.text("SELECT DISTINCT experiment, phase FROM observation_0001")).all():
        content = json.dumps(list(phase), ensure_ascii=False, separators=(",", ":"))
        connection.execute(sa.insert(term), {"content": content})
        number = connection.execute(sa.select(term.c.number).where(term.c.content == content)).scalar_one()
        copy = sa.text(
            "INSERT INTO observation SELECT prediction_id, CAST(:number AS INTEGER), unit, text_hmac, text, audit, "  # noqa: S608
            f"disagree, repeated, {detail} FROM observation_0001 WHERE experiment = :experiment AND phase = :phase"
        )
        connection.execute(copy, {"number": number, "experiment": phase.experiment, "phase": phase.phase})


_BYTES_IN_ORDER = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_DETAIL = {
    "sqlite": """CAST('{"created_at": ' || printf('%!.17g', created_at) || ', "tokens": ' || tokens
        || ', "served_arm": ' || json_quote(served_arm) || ', "reason": ' || json_quote(reason)
        || ', "outcomes": ' || outcomes || '}' AS BLOB)""",
    "postgresql": """convert_to('{"created_at": ' || to_json(created_at) || ', "tokens": ' || tokens
        || ', "served_arm": ' || to_json(served_arm) || ', "reason": ' || to_json(reason)
        || ', "outcomes": ' || outcomes || '}', 'UTF8')""",
}
"""By the names of `service.store.encoding.Detail`."""

"""The first tables: observations, labels, phases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    _observation()
    _labels()
    _design()


def _observation() -> None:
    op.create_table(
        "observation",
        sa.Column("prediction_id", _BYTES_IN_ORDER, primary_key=True, comment="ordered by time"),
        sa.Column("experiment", sa.Text, nullable=False),
        sa.Column("phase", sa.Integer, nullable=False),
        sa.Column("unit", sa.Text, comment="HMAC of the client's key"),
        sa.Column("text_hmac", sa.Text, comment="NULL once stripped"),
        sa.Column("text", sa.Text),
        sa.Column("tokens", sa.Integer, nullable=False),
        sa.Column("served_arm", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("audit", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False, comment="seconds since 1970, UTC"),
        sa.Column("outcomes", sa.Text, nullable=False, comment="JSON, see encoding.py"),
        sa.Column("disagree", sa.Boolean, nullable=False, comment="whether two arms gave different labels"),
        sa.Column("repeated", sa.Boolean, nullable=False, comment="found, before stripping, to repeat an earlier text"),
        sqlite_with_rowid=False,
    )
    op.create_index("observation_phase", "observation", ["experiment", "phase", "prediction_id"])
    op.create_index("observation_age", "observation", ["created_at"])


def _labels() -> None:
    op.create_table(
        "label",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            comment="order of arrival",
        ),
        sa.Column("prediction_id", _BYTES_IN_ORDER, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("received_at", sa.Double, nullable=False),
        sa.UniqueConstraint("prediction_id", "source", name="label_once"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "label_revision",
        sa.Column("prediction_id", _BYTES_IN_ORDER, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("received_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("prediction_id", "source", "label"),
    )


def _design() -> None:
    op.create_table(
        "phase",
        sa.Column("experiment", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("design", sa.Text, nullable=False, comment="JSON"),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("experiment", "number"),
    )


_BYTES_IN_ORDER = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

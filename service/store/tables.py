"""The tables of the store, the same in SQLite and PostgreSQL. A change needs a file in `migrations/versions`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

BYTES_IN_ORDER = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that sorts by its bytes, as Python and SQLite do; other collations of PostgreSQL skip hyphens."""

OBSERVATION = Table(
    "observation",
    METADATA,
    Column("prediction_id", BYTES_IN_ORDER, primary_key=True, comment="ordered by time"),
    Column("phase", Integer, nullable=False, comment="term of the experiment and the number of its phase"),
    Column("unit", Text, comment="HMAC of the client's key"),
    Column("text_hmac", Text, comment="NULL once stripped"),
    Column("text", Text),
    Column("audit", Boolean, nullable=False),
    Column("disagree", Boolean, nullable=False, comment="whether two arms gave different labels"),
    Column("repeated", Boolean, nullable=False, comment="found, before stripping, to repeat an earlier text"),
    Column("detail", LargeBinary, nullable=False, comment="all that no query asks for, see encoding.py"),
    Index("observation_phase", "phase", "prediction_id"),
    sqlite_with_rowid=False,
)
"""One row for each text of an experiment. `text_hmac` is NULL in what retention left of it: see retention.py."""

TERM = Table(
    "term",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("content", BYTES_IN_ORDER, nullable=False, unique=True, comment="JSON"),
)
"""What observations say again and again, each once: they hold its number."""

LABEL = Table(
    "label",
    METADATA,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, comment="order of arrival"),
    Column("prediction_id", BYTES_IN_ORDER, nullable=False),
    Column("source", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("received_at", Double, nullable=False),
    UniqueConstraint("prediction_id", "source", name="label_once"),
    sqlite_autoincrement=True,
)
"""The first label that each source gave for a prediction: the one in force. It may come before its observation."""

LABEL_REVISION = Table(
    "label_revision",
    METADATA,
    Column("prediction_id", BYTES_IN_ORDER, nullable=False),
    Column("source", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("received_at", Double, nullable=False),
    PrimaryKeyConstraint("prediction_id", "source", "label"),
)
"""Labels that came when another was in force, each once, with the last time it was said."""

PHASE = Table(
    "phase",
    METADATA,
    Column("experiment", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("design", Text, nullable=False, comment="JSON"),
    Column("started_at", Double, nullable=False),
    PrimaryKeyConstraint("experiment", "number"),
)
"""What an experiment was like while its numbers may be added up."""

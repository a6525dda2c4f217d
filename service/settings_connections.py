"""The settings of connections: how long clients may take, how much they may send, how many there may be."""

from pydantic import Field
from pydantic_settings import BaseSettings


class ConnectionSettings(BaseSettings):
    """What clients may do, for each process that answers."""

    max_body_bytes: int = Field(
        default=1_048_576, ge=1024, description="Largest request body; beyond it requests get 413."
    )
    connections: int = Field(
        default=1024,
        ge=8,
        description="Most connections of one process; beyond them new ones get 429. Fewer, if the limit of open files "
        "asks for it.",
    )
    connections_per_address: int = Field(
        default=0,
        ge=0,
        description="Most connections of one process from one address; 0: no limit, as behind a proxy, "
        "where all come from its address.",
    )
    keep_alive_s: float = Field(
        default=30,
        gt=0,
        description="Seconds after which an idle connection is closed; choose more than a proxy in front does.",
    )
    header_timeout_s: float = Field(
        default=5, gt=0, description="Seconds in which the headers of a request must come; beyond it gets 408."
    )
    header_bytes: int = Field(default=16_384, ge=4096, description="Largest headers of a request; beyond it gets 431.")
    header_count: int = Field(default=100, ge=16, description="Most headers of a request; beyond it gets 431.")
    body_timeout_s: float = Field(
        default=30, gt=0, description="Seconds in which a body must come at the most; beyond it gets 408."
    )
    body_bytes_per_s: int = Field(
        default=4096,
        ge=1,
        description="Slowest pace of a body: it may take 5 seconds, and one more for so many bytes of it.",
    )
    answer_timeout_s: float = Field(
        default=20, gt=0, description="Seconds after which a client that reads nothing of its answer is left alone."
    )

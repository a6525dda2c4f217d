"""The settings of the processes that answer."""

from pydantic import Field

from service.settings_connections import ConnectionSettings


class ProcessSettings(ConnectionSettings):
    """How many processes answer, and when one is replaced."""

    workers: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Processes that answer; each loads every model. As many as the service has processors.",
    )
    recycle_memory_mb: int = Field(
        default=1024,
        ge=0,
        description="MiB by which the resident memory of a worker may grow, once everything is loaded, before another "
        "takes over from it: it loads everything while the old one answers, for which there must be room. 0: never. "
        "Without effect where the process that is started answers itself: `NUNCHI_WORKERS=1`, but for "
        "`NUNCHI_ENGINE=tensorflow` and `NUNCHI_DEVICE=gpu`.",
    )

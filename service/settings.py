"""Every setting of the service: environment variables with the prefix NUNCHI_."""

import difflib
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import SettingsConfigDict

from model_store.layout import DEFAULT_STORE, NAME_PATTERN
from service.errors import StartError
from service.settings_processes import ProcessSettings
from service.versions import policy

PREFIX = "NUNCHI_"
KNOWN_ELSEWHERE = frozenset({"NUNCHI_DATA_DIR", "NUNCHI_BEARER", "NUNCHI_BEARER_FILE"})
"""Variables that other parts of the project read; the service lets them be."""


def _understood(versions: str) -> str:
    try:
        policy.parse(versions)
    except ValueError as error:
        raise PydanticCustomError("no_policy", "{reason}", {"reason": str(error)}) from error
    return versions


class Settings(ProcessSettings):
    """What an operator may choose; every value has a default that serves the shipped models on this machine."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    auth: Literal["keys", "off"] = Field(
        default="keys",
        description="Who may ask. `keys`: whoever has one of `NUNCHI_API_KEYS_FILE`; without that file everybody, but "
        "then the service listens on this machine's loopback only, or does not start. `off`: everybody who reaches it.",
    )
    api_keys_file: Path | None = Field(
        default=None,
        description="File of the API keys' hashes (`python -m service keys`); it is read again whenever it changes.",
    )
    allowed_hosts: str = Field(
        default="",
        description="Names, with commas between them, under which the service may be asked (the header `Host`); "
        "addresses and `localhost` always are. Unset: all names if keys are needed, else none.",
    )
    model_store: Path = Field(default=DEFAULT_STORE, description="Directory of the model versions.")
    trusted_keys_file: Path | None = Field(
        default=None,
        description="File of Ed25519 public keys in PEM. If it is set, only versions are served that one of them has "
        "signed; `python -m service signatures` makes keys and signs.",
    )
    versions: Annotated[str, AfterValidator(_understood)] = Field(
        default=policy.DEFAULT,
        description="Which versions of a model are served: `latest(2)`, `all`, `specific(1,3)`; of single models after "
        "a `;`, as in `latest(2); gru=specific(1,3); chatbot=all`. What an alias or a running experiment names is "
        "served besides.",
    )
    versions_file: Path = Field(
        default=Path("state/versions.json"),
        description="File with the aliases, and with the versions that an administrator had loaded or unloaded; looked "
        "at every second. Beside it, `proofs.json` keeps which versions were proven.",
    )
    alias_agreement: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="An alias moves to another version only if at least this share of the texts that both are tried on "
        "gets the same label.",
    )
    alias_slowdown: float = Field(
        default=3.0, gt=0, description="… and only if the new one takes at most so many times as long for a text."
    )
    default_model: str = Field(
        default="gru", pattern=f"^{NAME_PATTERN.pattern}$", description="Model that answers when a request names none."
    )
    engine: Literal["auto", "onnx", "tensorflow"] = Field(
        default="auto",
        description="What runs the models: the fused graph in ONNX Runtime, or the SavedModel in TensorFlow. "
        "`auto` takes the fused graph where a version has one and TensorFlow where not.",
    )
    device: Literal["auto", "cpu", "gpu"] = Field(
        default="auto",
        description="Where TensorFlow runs; `gpu` implies it and stops the start if there is none. "
        "The fused graph runs on the CPU.",
    )
    threads: int = Field(
        default=0,
        ge=0,
        le=1024,
        description="Threads of one model call, at most the processors that the process may use (affinity and "
        "container quota, not the host's count) divided among the workers. 0: one, best for models as small as these.",
    )
    queue_rows: int = Field(
        default=4096, ge=1, description="Texts that may wait for one version; beyond them requests get 429."
    )
    longest_wait_s: float = Field(
        default=0.1,
        gt=0,
        description="Seconds that a request may have to wait, as predicted, before it is begun; beyond them it gets "
        "429. A fifth of that once some have waited all the time for as long. Large batches (bodies over 4 KiB) may "
        "wait four times as long.",
    )
    request_timeout_s: float = Field(
        default=5, gt=0, description="Seconds until a prediction gets 504; the header X-Request-Timeout asks for less."
    )
    stop_delay_s: float = Field(
        default=0, ge=0, description="Seconds for which a process that was told to stop goes on as before, not ready."
    )
    batch_tokens: int = Field(
        default=2048,
        ge=1,
        description="Largest batch, in tokens: number of texts times length of the longest. Larger ones pad more than "
        "they save.",
    )
    explain_queue: int = Field(
        default=4,
        ge=0,
        le=64,
        description="Explanations that may wait or be made at once, by one process beside each worker; beyond them "
        "requests to `/explain` get 429. 0: there is no `/explain`.",
    )
    experiments: Path | None = Field(
        default=None, description="File that declares the experiments; it is read again whenever it changes."
    )
    store: str = Field(
        default="sqlite:///state/nunchi.db",
        description="Where experiments keep what they observe and labels: a URL of SQLite or PostgreSQL "
        "(`postgresql+psycopg://user:password@host/name`).",
    )
    secret_file: Path = Field(
        default=Path("state/secret"),
        description="File with the secret under which predictions are named and clients and texts made unreadable. "
        "Made at the first start; all replicas that share a store need the same.",
    )
    retention_days: int = Field(
        default=30, ge=1, le=3650, description="Days after which a prediction takes no more labels and is forgotten."
    )
    store_text: bool = Field(
        default=False, description="Whether experiments keep the texts themselves, for people to label."
    )
    docs: bool = Field(default=True, description="Whether `/docs` and `/openapi.json` are served.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )
    log_requests: float = Field(
        default=0,
        ge=0,
        le=1,
        description="Share of the requests that did not fail which get a line in the log; those that failed always do.",
    )
    traces_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$",
        description="Where traces go: the URL of an OpenTelemetry collector that takes OTLP over HTTP, such as "
        "`http://collector:4318`. Without it there are none.",
    )
    traces_ratio: float = Field(
        default=1,
        ge=0,
        le=1,
        description="Share of the requests that are traced, beside those whose caller decides by `traceparent`.",
    )


def load_settings() -> Settings:
    """Read the settings from the environment of the process.

    Raises:
        StartError: if a NUNCHI_ variable is unknown or its value not allowed; the message is meant for a person.
    """
    _refuse_unknown(os.environ)
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(f"{variable(str(item['loc'][0]))}: {item['msg']}" for item in error.errors())
        raise StartError(f"{problems}. Every setting is explained in docs/settings.md.") from error


def variable(field: str) -> str:
    """Return the name of the environment variable of a field."""
    return PREFIX + field.upper()


def nearest_or_all(name: str, known: Collection[str]) -> str:
    """Say which known name was probably meant, or, if none is near, which ones there are."""
    nearest = difflib.get_close_matches(name.removeprefix(PREFIX), [item.removeprefix(PREFIX) for item in known], n=1)
    if nearest:
        [meant] = (item for item in known if item.removeprefix(PREFIX) == nearest[0])
        return f"the nearest known one is {meant}"
    return f"known are {', '.join(sorted(known))}"


def table() -> str:
    """Return the page `docs/settings.md`."""
    rows = [
        f"| `{variable(name)}` | {_default(field.default)} | {field.description} {_allowed(name)}".rstrip() + " |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join([_PAGE_HEAD, *rows]) + "\n"


def _refuse_unknown(names: Iterable[str]) -> None:
    known = {variable(field) for field in Settings.model_fields}
    for name in sorted(names):
        if name.upper().startswith(PREFIX) and name.upper() not in known | KNOWN_ELSEWHERE:
            raise StartError(f"unknown setting {name}; {nearest_or_all(name.upper(), known)} (see docs/settings.md)")


def _default(value: object) -> str:
    if value is None:
        return "none"
    if value == DEFAULT_STORE:
        return "`model_store/models`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _allowed(name: str) -> str:
    values = Settings.model_json_schema()["properties"][name].get("enum")
    return f"One of {', '.join(f'`{value}`' for value in values)}." if values else ""


_PAGE_HEAD = """# Settings

Environment variables, read once when the process starts. A variable with the prefix `NUNCHI_` that is not listed here
stops the start, so that a misspelt one cannot go unnoticed (`NUNCHI_DATA_DIR` belongs to training, `NUNCHI_BEARER` and
`NUNCHI_BEARER_FILE` to who asks the service; they are left alone).
This page is written by `python -m service.settings > docs/settings.md`.

| Variable | Default | Meaning |
|---|---|---|"""

if __name__ == "__main__":
    print(table(), end="")

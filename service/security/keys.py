"""API keys: how they are made, and how one that is presented is found among those that are known."""

import logging
import secrets
import time
from asyncio import sleep, to_thread
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from math import inf
from pathlib import Path

from service.logs import log_event, log_exception
from service.security.callers import Caller
from service.security.entries import ID_DIGITS, Entry, KeysFileError, Scope, decode, read
from service.security.limiting import Buckets, Limit
from service.tallies import Counter

KEY_BYTES = 32
"""Of randomness in a key."""

PREFIX = "nunchi_"
"""How every key begins, so that a program that looks for secrets in files knows one when it sees it."""

_ID_BYTES = ID_DIGITS // 2


def new_key() -> str:
    """Return a key that nobody has: 256 random bits in characters that need no escape anywhere."""
    return PREFIX + secrets.token_urlsafe(KEY_BYTES)


@dataclass(frozen=True, slots=True)
class Key:
    """A key that is known: its hash, what it may do, until when (seconds since 1970), and who asks with it."""

    digest: bytes
    scopes: frozenset[Scope]
    expires: float
    caller: Caller

    def expired(self) -> bool:
        """Tell whether its time is over."""
        return self.expires < time.time()


class KeyRing:
    """Finds keys.

    A key is compared by its hash. Who presents a guess does not know the hash of it that is looked for, so the time
    that the look-up takes tells nothing that helps to guess better; the whole hash is compared in constant time all
    the same. SHA-256 without salt or repetition is enough for 256 random bits: there is nothing to try out.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = {key.digest[:_ID_BYTES]: key for key in keys}

    def find(self, presented: bytes) -> Key | None:
        """Return the key that was presented, expired or not; None if it is not known."""
        digest = sha256(presented).digest()
        key = self._keys.get(digest[:_ID_BYTES])
        return key if key is not None and compare_digest(key.digest, digest) else None


class Keys:
    """The keys of a file, which is read again when it changes. It belongs to the event loop.

    Args:
        path: the file.
        buckets: what keys with a limit have left; the same key goes on with the same when the file is read again.
        limited: counts requests for more than that.
        period_s: time between two looks at the file, in seconds.

    Raises:
        KeysFileError: if the file is broken. Once it runs, a broken file changes nothing but `broken`.

    Attributes:
        broken: why the file as it is now is not in force; None if it is.
    """

    def __init__(self, path: Path, buckets: Buckets, limited: Counter, period_s: float = 1.0) -> None:
        self._path = path
        self._buckets = buckets
        self._limited = limited
        self._period_s = period_s
        self._judged = read(path)
        self._ring = self._ring_of(decode(self._judged, path))
        self.broken: str | None = None

    def find(self, presented: bytes) -> Key | None:
        """Return the key that was presented, expired or not; None if it is not known."""
        return self._ring.find(presented)

    async def run(self) -> None:
        """Follow the file until cancelled."""
        while True:
            await sleep(self._period_s)
            try:
                await self.look()
            except Exception as error:  # whatever it was, the next look may find it gone
                log_exception("keys_watch_failed", error)

    async def look(self) -> None:
        """Take over what the file holds, if it is another; one that is half written is no JSON, and changes nothing."""
        try:
            content = await to_thread(read, self._path)
            if content != self._judged or self.broken:
                entries = decode(content, self._path)
                self._ring, self._judged, self.broken = self._ring_of(entries), content, None
                log_event("keys_read", keys=len(entries))
        except KeysFileError as error:
            if str(error) != self.broken:
                log_event("keys_file_broken", logging.ERROR, reason=str(error))
            self.broken = str(error)

    def _ring_of(self, entries: Iterable[Entry]) -> KeyRing:
        return KeyRing(map(self._key, entries))

    def _key(self, entry: Entry) -> Key:
        bucket = self._buckets.of(entry.id, Limit.of(entry.limit, entry.burst)) if entry.limit else None
        expires = entry.expires.timestamp() if entry.expires else inf
        return Key(
            bytes.fromhex(entry.sha256), frozenset(entry.scopes), expires, Caller(bucket, self._limited, entry.name)
        )

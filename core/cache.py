"""Answers that need not be paid for again, on disk, as JSON and nothing but JSON.

diskcache unpickles what it finds, which lets anybody who can write the file run code
(CVE-2025-69872); `_JsonDisk` never does. Every row carries its own SHA-256, its key and the parts
of its key: a row that a bit flip, a disk fault or a hand has changed is a miss.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import diskcache
from pydantic import TypeAdapter, ValidationError

from core.errors import StorageError
from core.phrases import Phrase
from core.request_key import KeyParts, request_key
from core.types import Cost, CostBasis, Success, TokenUsage

_log = logging.getLogger(__name__)
T = TypeVar("T")

_STATISTICS = "statistics"  # the one row that is no answer; answers have keys of 64 hex digits
_EXPLAIN_ROWS = 1000
_COUNTED_TOGETHER = 64  # hits and misses; so many may be forgotten when the process is killed
_LOCK_TIMEOUT_S = 5.0
_ENVIRONMENT_ERRORS = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    }
)
"""The file is sound, the surroundings are not."""


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """What the cache holds and what it has done since it was last cleared."""

    entries: int
    size_bytes: int
    hits: int
    misses: int
    saved_usd: Decimal


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a request hits or misses.

    `nearest_key` is the most similar stored answer of the same tenant, `differing` the parts in
    which it differs: none for a hit. Both are empty when nothing is stored.
    """

    nearest_key: str | None
    differing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it was stored, and which page of its picture it is about; None without pages."""

    answer: Success
    page: int | None


@dataclass(frozen=True, slots=True)
class _Row:
    key: str
    parts: KeyParts
    answer: Success
    stored_at_s: float


@dataclass(frozen=True, slots=True)
class _Counts:
    hits: int = 0
    misses: int = 0
    saved_usd: Decimal = Decimal(0)

    def __add__(self, other: "_Counts") -> "_Counts":
        return _Counts(
            self.hits + other.hits,
            self.misses + other.misses,
            self.saved_usd + other.saved_usd,
        )


_row_codec = TypeAdapter(_Row)
_counts_codec = TypeAdapter(_Counts)


class ResultCache:
    """Validated, complete answers by request key; the least recently used make room.

    No method raises for a damaged, locked or full disk: losing the cache costs money, never a
    result. Methods may be called from any thread.

    Args:
        directory: Created with mode 0700; belongs to the cache alone.
        max_bytes: Size above which rows are evicted.
        ttl_s: Seconds an answer stays valid; None keeps it until it is evicted.
        clock: Seconds since 1970.

    Raises:
        StorageError: If the directory cannot be used at all.
    """

    def __init__(
        self,
        directory: Path,
        max_bytes: int,
        ttl_s: float | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._ttl_s = ttl_s
        self._clock = clock
        self._uncounted = _Counts()
        self._counting = threading.Lock()
        self._cache = self._open()

    def get(self, key: str) -> Success | None:
        """Return the stored answer as a cached one, and count the hit or the miss."""
        with self._tolerant():
            row = self._read(key)
            self._count(row)
            return as_cached(row.answer) if row else None
        return None

    def answered(self, keys: Iterable[str]) -> set[str]:
        """Return those of the keys that have an answer, without counting; quick for many.

        Whether an answer is sound shows when it is read.
        """
        found: set[str] = set()
        with self._tolerant():
            found.update(key for key in keys if key in self._cache)
        return found

    def look_up(self, key: str) -> KeptAnswer | None:
        """Return the stored answer to look at, without counting."""
        with self._tolerant():
            row = self._read(key)
            return KeptAnswer(row.answer, row.parts.page) if row else None
        return None

    def store(self, parts: KeyParts, answer: Success) -> None:
        """Keep an answer; what is stored under the same parts is replaced."""
        key = request_key(parts)
        row = _Row(key, parts, replace(answer, cached=False), self._clock())
        with self._tolerant():
            self._cache.set(key, _seal(_row_codec.dump_json(row)), expire=self._ttl_s)

    def revise(self, key: str, change: Callable[[Success], Success]) -> None:
        """Replace a kept answer by what `change` makes of it; it grows no younger."""
        with self._tolerant(), self._cache.transact():
            if row := self._read(key):
                sealed = _seal(_row_codec.dump_json(replace(row, answer=change(row.answer))))
                age_s = self._clock() - row.stored_at_s
                left_s = None if self._ttl_s is None else self._ttl_s - age_s
                self._cache.set(key, sealed, expire=left_s)

    def forget(self, key: str) -> None:
        """Keep an answer no longer."""
        with self._tolerant():
            self._cache.delete(key)

    def explain(self, parts: KeyParts) -> Explanation:
        """Say in which parts the most similar of the newest answers differs from a request."""
        nearest = Explanation(None)
        with self._tolerant():
            for row in self._newest_rows():
                differing = parts.differing(row.parts)
                if row.parts.tenant == parts.tenant and (
                    nearest.nearest_key is None or len(differing) < len(nearest.differing)
                ):
                    nearest = Explanation(row.key, differing)
        return nearest

    def statistics(self) -> CacheStatistics:
        """Return the counters and the size on disk."""
        with self._tolerant():
            self._write_counts()
            counts = self._counts()
            entries = len(self._cache) - (_STATISTICS in self._cache)
            size_bytes = int(self._cache.volume())
            return CacheStatistics(
                entries, size_bytes, counts.hits, counts.misses, counts.saved_usd
            )
        return CacheStatistics(0, 0, 0, 0, Decimal(0))

    def clear(self) -> None:
        """Forget every answer and start the counters again."""
        with self._tolerant(), self._counting:
            self._uncounted = _Counts()
            self._cache.clear()

    def close(self) -> None:
        """Write the counters down and close this thread's connection."""
        with self._tolerant():
            self._write_counts()
        self._cache.close()

    def _read(self, key: str) -> _Row | None:
        """Return the row if it is sound and still valid; a row that is not sound is deleted."""
        sealed = self._cache.get(key)
        if sealed is None:
            return None
        row = _decode(key, sealed)
        if row is None:
            _log.warning("cache_row_damaged", extra={"key": key})
            self._cache.delete(key)
        elif self._ttl_s is not None and self._clock() - row.stored_at_s >= self._ttl_s:
            return None
        return row

    def _newest_rows(self) -> Iterator[_Row]:
        for position, key in enumerate(reversed(self._cache)):
            if position >= _EXPLAIN_ROWS:
                return
            sealed = self._cache.get(key)
            if key != _STATISTICS and (row := _decode(key, sealed)):
                yield row

    def _count(self, row: _Row | None) -> None:
        saved_usd = (row.answer.cost.usd or Decimal(0)) if row else Decimal(0)
        with self._counting:
            self._uncounted += _Counts(row is not None, row is None, saved_usd)
            is_due = self._uncounted.hits + self._uncounted.misses >= _COUNTED_TOGETHER
        if is_due:
            self._write_counts()

    def _write_counts(self) -> None:
        with self._counting, self._cache.transact():
            if self._uncounted != _Counts():
                counts = self._counts() + self._uncounted
                self._cache.set(_STATISTICS, _seal(_counts_codec.dump_json(counts)))
                self._uncounted = _Counts()

    def _counts(self) -> _Counts:
        return _open_sealed(_counts_codec, self._cache.get(_STATISTICS)) or _Counts()

    def _open(self) -> diskcache.Cache:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._directory.chmod(0o700)
            return self._connect()
        except OSError as error:
            raise _unusable(self._directory) from error
        except sqlite3.Error as error:
            if _is_environment(error):
                raise _unusable(self._directory) from error
        except Exception:  # noqa: BLE001 - damaged settings rows break diskcache in many ways
            _log.warning("cache_unreadable", exc_info=True)
        self._set_aside()
        return self._connect()

    def _connect(self) -> diskcache.Cache:
        return diskcache.Cache(
            str(self._directory),
            timeout=_LOCK_TIMEOUT_S,
            disk=_JsonDisk,
            size_limit=self._max_bytes,
            eviction_policy="least-recently-used",
            statistics=0,
        )

    @contextmanager
    def _tolerant(self) -> Iterator[None]:
        """Turn a failing disk into a miss; a damaged database is set aside and begun anew."""
        try:
            yield
        except (diskcache.Timeout, OSError):
            _log.warning("cache_unavailable", exc_info=True)
        except sqlite3.Error as error:
            _log.warning("cache_failed", exc_info=True)
            if not _is_environment(error):
                self._cache.close()
                self._set_aside()
                self._cache = self._connect()

    def _set_aside(self) -> None:
        """Keep the damaged files for whoever wants to look, out of the way."""
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(self._clock()))
        for name in (diskcache.core.DBNAME, "cache.db-wal", "cache.db-shm"):
            path = self._directory / name
            if path.exists():
                path.replace(path.with_name(f"{name}.corrupt-{stamp}"))
        _log.error("cache_set_aside", extra={"directory": str(self._directory)})


class _JsonDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache has no types
    """Text keys and byte values inside the database row: no pickle, no files."""

    def put(self, key: Any) -> tuple[str, bool]:
        if type(key) is not str:
            raise TypeError("keys are text")
        return key, True

    def get(self, key: Any, raw: Any) -> str:
        return key if raw and type(key) is str else ""  # a foreign key finds nothing

    def store(self, value: Any, read: Any, key: Any = None) -> tuple[int, int, None, bytes]:  # noqa: ARG002
        if read or type(value) is not bytes:
            raise TypeError("values are bytes")
        return 0, diskcache.core.MODE_RAW, None, value

    def fetch(self, mode: Any, filename: Any, value: Any, read: Any) -> bytes:
        if read or mode != diskcache.core.MODE_RAW or filename or type(value) is not bytes:
            return b""  # not a row of ours: fails its checksum and is deleted
        return value

    def remove(self, file_path: Any) -> None:
        """Delete nothing: no row of ours has a file, whatever the database says."""


def _seal(body: bytes) -> bytes:
    return sha256(body).hexdigest().encode() + b"\n" + body


def _open_sealed(codec: TypeAdapter[T], sealed: bytes | None) -> T | None:
    if sealed is None:
        return None
    digest, _, body = sealed.partition(b"\n")
    if digest != sha256(body).hexdigest().encode():
        return None
    try:
        return codec.validate_json(body)
    except ValidationError:
        return None


def _decode(key: str, sealed: bytes | None) -> _Row | None:
    row = _open_sealed(_row_codec, sealed)
    if row is None or row.key != key or request_key(row.parts) != key:
        return None
    return row


def as_cached(answer: Success) -> Success:
    """Return an answer that another request has paid for as this one's: nothing was used."""
    return replace(
        answer,
        cached=True,
        usage=TokenUsage(0, 0),
        cost=Cost(Decimal(0), CostBasis.CACHED),
        saved_usd=answer.cost.usd,
        latency_s=0.0,
        first_token_s=None,
        attempts=0,
    )


def _is_environment(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _ENVIRONMENT_ERRORS


def _unusable(directory: Path) -> StorageError:
    return StorageError(
        Phrase("The cache directory {path} cannot be used.", {"path": str(directory)})
    )

"""The database of a data directory: one SQLite file in WAL mode, shared by every process there."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from core.errors import StorageError
from core.phrases import Phrase

FILE_NAME = "ledger.db"
_LOCK_TIMEOUT_S = 30


def open_database(directory: Path) -> Engine:
    """Open or create the database in `directory`, which gets mode 0700.

    Raises:
        StorageError: If the directory cannot be used or the file is damaged.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)  # also a directory that was there before
    except OSError as error:
        raise StorageError(
            Phrase("The data directory {path} cannot be used.", {"path": str(directory)})
        ) from error
    engine = create_engine(
        f"sqlite:///{directory / FILE_NAME}",
        connect_args={"timeout": _LOCK_TIMEOUT_S, "isolation_level": None},
    )
    event.listen(engine, "connect", _prepare_connection)
    event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Run the block in one transaction that no other writer can enter.

    Raises:
        StorageError: If the disk does not take it; nothing of the block is kept then.
    """
    with _storage_errors(), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Run the block on one consistent state, without keeping writers out.

    Raises:
        StorageError: If the database cannot be read.
    """
    with _storage_errors(), engine.execution_options(read_only=True).begin() as connection:
        yield connection


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise _storage_error(error.orig) from error


def _storage_error(cause: BaseException | None) -> StorageError:
    code = getattr(cause, "sqlite_errorcode", None)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StorageError(
            Phrase(
                "The file {name} in the data directory is damaged. Stop Tessera and restore a "
                "backup of it, or move it away to begin a new one.",
                {"name": FILE_NAME},
            )
        )
    return StorageError(
        Phrase("The data directory cannot be written: {reason}.", {"reason": str(cause)})
    )


def _prepare_connection(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A writer takes the lock at once: a transaction that began by reading could not get it later.
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

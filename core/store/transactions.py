"""Transactions on the database of a data directory, with foreign errors translated."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from core.errors import StorageError
from core.phrases import Phrase

FILE_NAME = "ledger.db"


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
    except UnicodeDecodeError as error:  # SQLite names damage by the bytes that it finds
        raise _damaged() from error


def _storage_error(cause: BaseException | None) -> StorageError:
    code = getattr(cause, "sqlite_errorcode", None)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _damaged()
    return StorageError(
        Phrase("The data directory cannot be written: {reason}.", {"reason": str(cause)})
    )


def _damaged() -> StorageError:
    return StorageError(
        Phrase(
            "The file {name} in the data directory is damaged. Stop Tessera and restore a "
            "backup of it, or move it away to begin a new one.",
            {"name": FILE_NAME},
        )
    )

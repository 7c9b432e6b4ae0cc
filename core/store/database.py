"""The database of a data directory: one SQLite file in WAL mode, shared by every process there."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from core.errors import StorageError
from core.phrases import Phrase
from core.store.bins import install
from core.store.transactions import FILE_NAME, reading, writing
from core.store.upgrade import upgrade

__all__ = ["FILE_NAME", "open_database", "reading", "writing"]

_LOCK_TIMEOUT_S = 30


def open_database(directory: Path) -> Engine:
    """Open or create the database in `directory`, which gets mode 0700, and upgrade it.

    Raises:
        StorageError: If the directory cannot be used, or the file is damaged or of a newer version.
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
        hide_parameters=True,  # its errors would tell prompts and answers to the log
    )
    event.listen(engine, "connect", _prepare_connection)
    event.listen(engine, "begin", _begin)
    try:
        upgrade(engine, directory / FILE_NAME)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _prepare_connection(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    install(connection)


def _begin(connection: Connection) -> None:
    # A writer takes the lock at once: a transaction that began by reading could not get it later.
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

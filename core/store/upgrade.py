"""Bring a database to this version's form: one transaction, after a backup; a newer one is refused.

The usual start finds the version that it wants and loads nothing for it.
"""

import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from core.errors import StorageError
from core.phrases import Phrase
from core.store.transactions import writing

SCHEMA_VERSION: Final = "0009"
"""The newest step in migrations/versions."""

_STEPS = Path(__file__).parent / "migrations"
_VERSION_TABLE = "alembic_version"


def upgrade(database: Engine, file: Path) -> None:
    """Create or upgrade the tables; what was there before an upgrade is kept in a backup.

    Args:
        database: The database in `file`.
        file: Its path; the backup is written beside it as NAME.before-VERSION.

    Raises:
        StorageError: If a newer Tessera has written the database, or the disk does not take it.
    """
    with writing(database) as connection:
        found = _version(connection)
        if found == SCHEMA_VERSION:
            return
        if found is not None and found > SCHEMA_VERSION:
            raise _too_new(file)
        if inspect(connection).get_table_names():
            _back_up(file)
        _run_steps(connection)


def _version(connection: Connection) -> str | None:
    has_versions = connection.execute(
        text("SELECT 1 FROM sqlite_master WHERE name = :name"), {"name": _VERSION_TABLE}
    ).first()
    if not has_versions:
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {_VERSION_TABLE}"))  # noqa: S608 - a constant
    return found


def _run_steps(connection: Connection) -> None:
    from alembic import command  # only when there is something to do: it is slow to load
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_STEPS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _back_up(file: Path) -> None:
    """Copy the committed state; nobody can write meanwhile, because the caller holds the lock."""
    target = file.with_name(f"{file.name}.before-{SCHEMA_VERSION}")
    source, copy = sqlite3.connect(file), sqlite3.connect(target)
    try:
        source.backup(copy)
    except sqlite3.Error as error:
        raise StorageError(
            Phrase(
                "The ledger could not be backed up before an upgrade: {problem}.",
                {"problem": str(error)},
            )
        ) from error
    finally:
        copy.close()
        source.close()
    target.chmod(0o600)


def _too_new(file: Path) -> StorageError:
    return StorageError(
        Phrase(
            "{file} was written by a newer Tessera. Update this one, or set TESSERA_DATA_DIR to "
            "another directory.",
            {"file": file.name},
        )
    )

"""Finished quality runs, one row each with its results as JSON."""

from datetime import UTC, datetime

from pydantic import TypeAdapter
from sqlalchemy import Column, Engine, Float, Integer, MetaData, String, Table, Text, insert, select

from core.quality.types import QualityRun, RunSummary
from core.store.calls import from_nano, to_nano
from core.store.transactions import reading, writing

metadata = MetaData()

quality_runs = Table(
    "quality_runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("suite", String, nullable=False),
    Column("model", String, nullable=False),
    Column("started_at_s", Float, nullable=False, index=True),
    Column("passed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("cost_nano_usd", Integer),
    Column("run", Text, nullable=False),
)
_codec = TypeAdapter(QualityRun)
_SUMMARY = [column for column in quality_runs.c if column.name != "run"]


class SqlQualityStore:
    """Runs in the database of the data directory; every method may raise StorageError."""

    def __init__(self, database: Engine) -> None:
        self._database = database

    def save(self, run: QualityRun) -> None:
        """Keep a finished run."""
        row = {
            "id": run.id,
            "suite": run.suite,
            "model": run.model,
            "started_at_s": run.started_at.timestamp(),
            "passed": run.passed,
            "failed": run.failed,
            "cost_nano_usd": to_nano(run.cost_usd),
            "run": _codec.dump_json(run).decode(),
        }
        with writing(self._database) as connection:
            connection.execute(insert(quality_runs), row)

    def load(self, run_id: str) -> QualityRun | None:
        """Return a run; None if there is none of this id."""
        query = select(quality_runs.c.run).where(quality_runs.c.id == run_id)
        with reading(self._database) as connection:
            text = connection.scalar(query)
        return None if text is None else _codec.validate_json(text)

    def latest(self, limit: int, suite: str | None = None) -> list[RunSummary]:
        """Return the newest runs first, of one suite or of all."""
        query = select(*_SUMMARY).order_by(quality_runs.c.started_at_s.desc()).limit(limit)
        if suite is not None:
            query = query.where(quality_runs.c.suite == suite)
        with reading(self._database) as connection:
            return [
                RunSummary(
                    id=row.id,
                    suite=row.suite,
                    model=row.model,
                    started_at=datetime.fromtimestamp(row.started_at_s, UTC),
                    passed=row.passed,
                    failed=row.failed,
                    cost_usd=from_nano(row.cost_nano_usd),
                )
                for row in connection.execute(query)
            ]

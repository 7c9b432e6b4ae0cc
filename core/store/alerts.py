"""Alerts and their thresholds on disk."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    Float,
    Index,
    Integer,
    RowMapping,
    String,
    Table,
    Update,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from core.alerts import DEFAULT_RULES, Alert, AlertKind, Rule
from core.store.calls import metadata
from core.store.transactions import reading, writing

alerts = Table(
    "alerts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("value", Float, nullable=False),
    Column("threshold", Float, nullable=False),
    Column("fired_at_s", Float, nullable=False),
    Column("cleared_at_s", Float),
    Column("cleared_value", Float),
    Column("current_value", Float),
)
Index(
    "alerts_active",
    alerts.c.kind,
    alerts.c.subject,
    unique=True,
    sqlite_where=alerts.c.cleared_at_s.is_(None),
)

alert_rules = Table(
    "alert_rules",
    metadata,
    Column("kind", String, primary_key=True),
    Column("fires_at", Float, nullable=False),
    Column("is_on", Boolean, nullable=False),
)


class AlertStore:
    """Reads and writes alerts; may be used from any thread and by several processes."""

    def __init__(self, database: Engine) -> None:
        self._database = database

    def rules(self) -> tuple[Rule, ...]:
        """Return the rule of every kind: as it was set, else its default."""
        with reading(self._database) as connection:
            rows = connection.execute(select(alert_rules)).all()
        chosen = {row.kind: Rule(AlertKind(row.kind), row.fires_at, row.is_on) for row in rows}
        return tuple(chosen.get(rule.kind, rule) for rule in DEFAULT_RULES)

    def set_rules(self, rules: Iterable[Rule]) -> None:
        """Keep rules in place of those of the same kinds."""
        rows = [{"kind": r.kind.value, "fires_at": r.fires_at, "is_on": r.is_on} for r in rules]
        query = insert(alert_rules)
        fresh = {name: query.excluded[name] for name in ("fires_at", "is_on")}
        with writing(self._database) as connection:
            connection.execute(query.on_conflict_do_update(["kind"], set_=fresh), rows)

    def active(self) -> list[Alert]:
        """Return what has fired and not cleared, the oldest first."""
        query = select(alerts).where(alerts.c.cleared_at_s.is_(None)).order_by(alerts.c.id)
        with reading(self._database) as connection:
            return [_alert(row) for row in connection.execute(query).mappings()]

    def history(self, limit: int) -> list[Alert]:
        """Return the last alerts, active or not, newest first."""
        query = select(alerts).order_by(alerts.c.fired_at_s.desc(), alerts.c.id.desc()).limit(limit)
        with reading(self._database) as connection:
            return [_alert(row) for row in connection.execute(query).mappings()]

    def fire(self, alert: Alert) -> bool:
        """Write an alert down; False if another process has done so."""
        with writing(self._database) as connection:
            done = connection.execute(insert(alerts).on_conflict_do_nothing(), _values(alert))
            return done.rowcount == 1

    def follow(self, alert: Alert) -> None:
        """Write down what an active alert has come to."""
        with writing(self._database) as connection:
            connection.execute(_if_active(alert).values(current_value=alert.current_value))

    def clear(self, alert: Alert) -> bool:
        """Write down that an alert has cleared; False if another process has done so."""
        with writing(self._database) as connection:
            return connection.execute(_if_active(alert).values(_clearing(alert))).rowcount == 1


def _if_active(alert: Alert) -> Update:
    is_it = (alerts.c.kind == alert.kind.value) & (alerts.c.subject == alert.subject)
    return update(alerts).where(is_it, alerts.c.cleared_at_s.is_(None))


def _values(alert: Alert) -> dict[str, Any]:
    return {
        "kind": alert.kind.value,
        "subject": alert.subject,
        "value": alert.value,
        "threshold": alert.threshold,
        "fired_at_s": alert.fired_at.timestamp(),
        **_clearing(alert),
    }


def _clearing(alert: Alert) -> dict[str, Any]:
    at_s = alert.cleared_at.timestamp() if alert.cleared_at else None
    return {"cleared_at_s": at_s, "cleared_value": alert.cleared_value}


def _alert(row: RowMapping) -> Alert:
    return Alert(
        AlertKind(row["kind"]),
        row["subject"],
        row["value"],
        row["threshold"],
        datetime.fromtimestamp(row["fired_at_s"], UTC),
        None if row["cleared_at_s"] is None else datetime.fromtimestamp(row["cleared_at_s"], UTC),
        row["cleared_value"],
        row["current_value"],
    )

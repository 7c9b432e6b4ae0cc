"""Logs as JSON lines on stderr: an event name that stays, its fields, and nothing secret.

Modules log with `logging.getLogger(__name__)`, a constant event name and fields in `extra`. What a
library logs goes the same way. docs/logs.md lists the events.
"""

import logging
import sys
import traceback
from collections.abc import Iterable, MutableMapping
from typing import Any, Final, TextIO

import structlog
from pydantic import SecretStr

from core.redaction import redact, redact_data
from core.settings import Settings

_OURS: Final = ("core", "service", "ui")
_LONGEST_TEXT: Final = 8000


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at that moment: whoever replaces it gets the lines."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        """Leave it to the getter."""


def configure_logs(settings: Settings, level: int = logging.INFO) -> None:
    """Write the process's logs as JSON, without any secret of the settings; may be called again.

    Args:
        settings: Their secrets are hidden, besides everything that looks like a key.
        level: The least severe of ours that is written; of libraries it is a warning.
    """
    given = (value for _, value in settings if isinstance(value, SecretStr))
    hidden = tuple(secret for value in given if (secret := value.get_secret_value()))
    handler = _Stderr()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _cleaner(hidden),
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [each for each in root.handlers if not isinstance(each, _Stderr)]
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for ours in _OURS:
        logging.getLogger(ours).setLevel(level)
    _redact_records(hidden)


def _clean(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without keys and pieces of pictures, and not endless."""
    text = redact_data(redact(text, secrets))
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "..."


def _cleaner(secrets: tuple[str, ...]) -> structlog.typing.Processor:
    def clean(
        _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        return {name: _cleaned(value, secrets) for name, value in event.items()}

    return clean


def _cleaned(value: Any, secrets: tuple[str, ...]) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return _clean(str(value), secrets)


def _redact_records(secrets: tuple[str, ...]) -> None:
    """Clean records where they are made: some libraries write theirs without our handler."""

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = logging.LogRecord(*args, **kwargs)
        said = record.getMessage()
        if (cleaned := _clean(said, secrets)) != said:
            record.msg, record.args = cleaned, ()
        if record.exc_info and record.exc_info[1]:
            lines = traceback.format_exception(record.exc_info[1])
            record.exc_text = _clean("".join(lines).rstrip(), secrets)
        return record

    logging.setLogRecordFactory(make)

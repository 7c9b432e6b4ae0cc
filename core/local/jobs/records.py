"""JSON documents in a folder, named by ids that sort by age; several processes may share it."""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

_HEX_DIGITS: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of a list: at most `limit` records that come after the one named."""

    limit: int
    after: str | None = None
    is_oldest_first: bool = False


_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[_Item]):
    """One part of a list, in order; `has_more` says whether others follow."""

    items: tuple[_Item, ...]
    has_more: bool


class Records:
    """The records of one kind; `prefix` begins every id."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._folder = folder
        self._prefix = prefix

    def new_id(self, now_s: float) -> str:
        """Return an id that sorts after those of earlier moments, and make the folder for it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return f"{self._prefix}{int(now_s * 1e9):016x}{secrets.token_hex(8)}"

    def path(self, record_id: str, suffix: str) -> Path:
        """Return where a file that belongs to a record is or would be.

        Raises:
            ValueError: If the id is none of ours, which also keeps it inside of the folder.
        """
        if not _HEX_DIGITS.fullmatch(record_id.removeprefix(self._prefix)):
            raise ValueError("not an id of these records")
        return self._folder / f"{record_id}{suffix}"

    def save(self, record_id: str, document: Mapping[str, Any]) -> None:
        """Write a record as a whole or not at all."""
        path = self.path(record_id, ".json")
        draft = path.with_suffix(f".{secrets.token_hex(4)}.draft")
        draft.write_text(json.dumps(document), encoding="utf-8")
        draft.replace(path)

    def load(self, record_id: str) -> dict[str, Any] | None:
        """Return a record, or None when there is none of this id that can be read."""
        try:
            text = self.path(record_id, ".json").read_text(encoding="utf-8")
            document: dict[str, Any] = json.loads(text)
        except (ValueError, FileNotFoundError):
            return None
        return document

    def ids(self) -> list[str]:
        """Return every id, oldest first."""
        return sorted(path.stem for path in self._folder.glob(f"{self._prefix}*.json"))

    def page(self, paging: Paging, read: Callable[[str], _Item | None]) -> Page[_Item]:
        """Return the part of the list that is asked for, without what `read` returns None for."""
        after = paging.after
        if paging.is_oldest_first:
            rest = (one for one in self.ids() if after is None or one > after)
        else:
            rest = (one for one in reversed(self.ids()) if after is None or one < after)
        items = (item for item in map(read, rest) if item is not None)
        found = tuple(islice(items, paging.limit + 1))
        return Page(found[: paging.limit], len(found) > paging.limit)

    def delete(self, record_id: str) -> None:
        """Forget a record."""
        self.path(record_id, ".json").unlink(missing_ok=True)

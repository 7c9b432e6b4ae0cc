"""Uploads and results: each a file on disk with a record beside it."""

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.local.jobs.limits import DAY_S, LONGEST_KEPT_S
from core.local.jobs.records import Page, Paging, Records


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What is known about a file; times are Unix seconds."""

    id: str
    filename: str
    purpose: str
    size_bytes: int
    created_at: int
    expires_at: int

    @property
    def document(self) -> dict[str, Any]:
        """Return the file object as it goes over the wire."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": self.size_bytes,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
        }


class FileStore:
    """The files of one engine."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._records = Records(folder, "file-local-")
        self._clock = clock

    def new_id(self) -> str:
        """Return the id of a file to come."""
        return self._records.new_id(self._clock())

    def new_path(self) -> Path:
        """Return a fresh name, on the same disk, for a file that is not complete yet."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._folder / f"{secrets.token_hex(16)}.incoming"

    def adopt(
        self, file_id: str, path: Path, filename: str, purpose: str, kept_s: int | None = None
    ) -> StoredFile:
        """Take over the file at `path`; where a crash came between, it has been moved already.

        Args:
            file_id: A new id.
            path: Where it is now, on the same disk.
            filename: What to call it.
            purpose: What it is for, in the API's words.
            kept_s: Seconds until it is deleted; None for the usual time.
        """
        data = self._records.path(file_id, ".data")
        if path.exists():
            path.replace(data)
        now = int(self._clock())
        expires_at = now + (LONGEST_KEPT_S if kept_s is None else kept_s)
        file = StoredFile(file_id, filename, purpose, data.stat().st_size, now, expires_at)
        self._records.save(file_id, asdict(file))
        return file

    def get(self, file_id: str) -> StoredFile | None:
        """Return a file that is there and has not expired, or None."""
        record = self._records.load(file_id)
        file = StoredFile(**record) if record else None
        return file if file and self._clock() < file.expires_at else None

    def path(self, file_id: str) -> Path:
        """Return where the content of a file is."""
        return self._records.path(file_id, ".data")

    def page(self, paging: Paging, purpose: str | None) -> Page[StoredFile]:
        """Return a part of the list of files, of one purpose or of all."""

        def read(file_id: str) -> StoredFile | None:
            file = self.get(file_id)
            return file if file and purpose in {None, file.purpose} else None

        return self._records.page(paging, read)

    def delete(self, file_id: str) -> None:
        """Delete a file; what is being read from it goes on."""
        self._records.delete(file_id)
        self.path(file_id).unlink(missing_ok=True)

    def delete_expired(self) -> None:
        """Delete what nobody can ask for any more, and what a crash left of an upload."""
        for file_id in self._records.ids():
            if self.get(file_id) is None:
                self.delete(file_id)
        for path in self._folder.glob("*.incoming"):
            if path.stat().st_mtime < self._clock() - DAY_S:
                path.unlink(missing_ok=True)

"""Files named by their content: what was uploaded and what was sent, each kept once."""

import os
import re
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from core.errors import StorageError
from core.phrases import Phrase

_DIGEST = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """A folder of immutable files, each called by its SHA-256."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, data: bytes) -> str:
        """Keep `data` and return its digest.

        Raises:
            StorageError: If the disk does not take it.
        """
        digest = sha256(data).hexdigest()
        if self.want_again(digest):
            return digest
        with self.begin() as upload:
            upload.write(data)
            return upload.finish()

    def want_again(self, digest: str) -> bool:
        """Make a file young again, so that it is kept; say whether it is there."""
        with suppress(FileNotFoundError):
            os.utime(self.path(digest))
            return True
        return False

    def begin(self) -> "Upload":
        """Start a file that arrives in pieces."""
        return Upload(self)

    def get(self, digest: str) -> bytes | None:
        """Return the bytes, or None when they are gone or no longer what they were."""
        try:
            data = self.path(digest).read_bytes()
        except FileNotFoundError:
            return None
        return data if sha256(data).hexdigest() == digest else None

    def open(self, digest: str) -> BinaryIO | None:
        """Return the file for reading piece by piece, or None when it is gone."""
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError:
            return None

    def path(self, digest: str) -> Path:
        """Return where the file with this digest is or would be.

        Raises:
            ValueError: If `digest` is not 64 hex digits.
        """
        if not _DIGEST.fullmatch(digest):
            raise ValueError("not a digest")
        return self.root / digest[:2] / digest

    def new_incoming(self) -> Path:
        """Return a fresh name for a file that is not complete yet."""
        return self._incoming / secrets.token_hex(16)

    def keep_only(self, wanted: Iterable[str], *, older_than_s: float) -> int:
        """Delete files that nobody refers to and that have not just arrived; return how many."""
        keep, limit = set(wanted), time.time() - older_than_s
        gone = 0
        for file in self.root.glob("*/*"):
            if file.name not in keep and file.stat().st_mtime < limit:
                file.unlink(missing_ok=True)
                gone += 1
        return gone


class Upload:
    """A file on its way in; it counts only once `finish` has named it.

    Beginning, writing and finishing raise StorageError when the disk does not take the file.
    """

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._path = store.new_incoming()
        self._hash = sha256()
        self.size_bytes = 0
        try:
            self._file = os.fdopen(
                os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb"
            )
        except OSError as error:
            raise _no_room(error) from error

    def __enter__(self) -> "Upload":
        return self

    def __exit__(self, *_: object) -> None:
        """Forget what was not finished."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def write(self, piece: bytes) -> None:
        """Add the next piece."""
        try:
            self._file.write(piece)
        except OSError as error:
            raise _no_room(error) from error
        self._hash.update(piece)
        self.size_bytes += len(piece)

    def finish(self) -> str:
        """Put the file in its place and return its digest."""
        digest = self._hash.hexdigest()
        target = self._store.path(digest)
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            target.parent.mkdir(mode=0o700, exist_ok=True)
            self._path.replace(target)
        except OSError as error:
            raise _no_room(error) from error
        return digest


def _no_room(error: OSError) -> StorageError:
    return StorageError(
        Phrase(
            "The data directory does not take the file: {reason}.", {"reason": error.strerror or ""}
        )
    )

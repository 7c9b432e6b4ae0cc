"""Folders of this machine that pages may take pictures from; nothing outside them is ever opened.

A path is walked part by part from its root, and no link is followed on the way, so neither `..`
nor a link that is exchanged meanwhile leads out.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from core.errors import ImageError
from core.images import messages
from core.images.archive import looks_known

_MOST_DEEP: Final = 20


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder at or below a root, and how many files in and below it look like pictures."""

    root: Path
    below: PurePosixPath
    pictures: int

    @property
    def name(self) -> str:
        """Return the name as people see it: the root's own, and the way from there."""
        return str(PurePosixPath(self.root.name or "/") / self.below)


class Folders:
    """The folders that were configured; none means that no file of this machine is offered."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = tuple(roots)

    def missing(self) -> list[Path]:
        """Return the roots that are no folders, or not yet."""
        return [root for root in self.roots if not root.is_dir()]

    def list_folders(self, most: int) -> list[Folder]:
        """Return folders that hold pictures, each before those below it, at most so many."""
        found: list[Folder] = []
        for root in self.roots:
            _collect(root, PurePosixPath(), found)
        return found[:most]

    def files(self, folder: Folder) -> Iterator[PurePosixPath]:
        """Yield every visible file of a folder by its path below the root, in a stable order."""
        yield from _files(folder.root, folder.below, 0)

    def find(self, name: str) -> tuple[Path, PurePosixPath] | None:
        """Return the root and the way from it to the file that a manifest names, if there is one.

        `name` is below any root, or absolute.
        """
        for root in self.roots:
            wanted = PurePosixPath(name)
            if wanted.is_absolute():
                if not wanted.is_relative_to(root):
                    continue
                wanted = wanted.relative_to(root)
            try:
                open_below(root, wanted).close()
            except ImageError:
                continue
            return root, wanted
        return None


def open_below(root: Path, way: PurePosixPath) -> BinaryIO:
    """Open a regular file below a root, following no link.

    Raises:
        ImageError: If there is no such file, or a part of the way is a link or leads up.
    """
    if not way.parts or ".." in way.parts or way.is_absolute():
        raise messages.NOT_FOUND.error()
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in way.parts[:-1]:
                folder = _step(folder, part)
            # A pipe would block until somebody writes into it.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            file = os.fdopen(os.open(way.name, flags, dir_fd=folder), "rb")
        finally:
            os.close(folder)
    except (OSError, ValueError) as error:
        is_link = isinstance(error, OSError) and error.errno == errno.ELOOP
        raise (messages.LINKED if is_link else messages.NOT_FOUND).error() from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise messages.NOT_FOUND.error()
    return file


def _step(folder: int, part: str) -> int:
    """Open a folder in a folder, and close that one."""
    inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    os.close(folder)
    return inner


def _collect(root: Path, below: PurePosixPath, found: list[Folder]) -> int:
    """Add a folder and those below it to `found`, where they hold pictures; return how many."""
    place, pictures = len(found), 0
    for entry in _visible(root / below):
        if entry.is_dir(follow_symlinks=False):
            if len(below.parts) < _MOST_DEEP:
                pictures += _collect(root, below / entry.name, found)
        elif entry.is_file(follow_symlinks=False):
            pictures += looks_known(entry.name)
    if pictures:
        found.insert(place, Folder(root, below, pictures))
    return pictures


def _files(root: Path, below: PurePosixPath, depth: int) -> Iterator[PurePosixPath]:
    for entry in _visible(root / below):
        if entry.is_dir(follow_symlinks=False):
            if depth < _MOST_DEEP:
                yield from _files(root, below / entry.name, depth + 1)
        else:
            yield below / entry.name


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    """List a folder by name; one that cannot be read is empty."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (entry for entry in entries if not entry.name.startswith(".")),
                key=lambda entry: entry.name,
            )
    except OSError:
        return []

"""Folders of the server: what is listed, and that nothing outside is ever opened."""

import os
from pathlib import PurePosixPath

import pytest

from core.errors import ImageError
from core.images.folders import Folders, open_below


@pytest.fixture
def root(tmp_path):
    """A root with pictures at two depths, and ways out of it."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key.png").write_bytes(b"secret")
    root = tmp_path / "photos"
    (root / "2026/may").mkdir(parents=True)
    (root / ".hidden").mkdir()
    for name in ("a.jpg", "2026/b.png", "2026/may/c.jpg", "notes.txt", ".hidden/d.png"):
        (root / name).write_bytes(name.encode())
    (root / "link.png").symlink_to(tmp_path / "secret/key.png")
    (root / "out").symlink_to(tmp_path / "secret")
    os.mkfifo(root / "pipe.png")
    return root


def test_folders_are_listed_with_the_pictures_in_and_below_them(root):
    listed = [(each.name, each.pictures) for each in Folders([root]).list_folders(10)]
    assert listed == [("photos", 3), ("photos/2026", 2), ("photos/2026/may", 1)]


def test_no_more_folders_are_listed_than_asked_for(root):
    assert len(Folders([root]).list_folders(2)) == 2


def test_files_come_in_a_stable_order_without_hidden_ones(root):
    folders = Folders([root])
    whole = folders.list_folders(1)[0]
    visible = ["2026/b.png", "2026/may/c.jpg", "a.jpg", "link.png", "notes.txt", "out", "pipe.png"]
    assert [str(way) for way in folders.files(whole)] == visible


@pytest.mark.parametrize(
    "way",
    [
        "link.png",
        "out/key.png",
        "../secret/key.png",
        "2026/../../secret/key.png",
        "/etc/passwd",
        "2026",
        "pipe.png",
        "missing.png",
        "",
        "a\0.png",
    ],
)
def test_nothing_but_files_below_the_root_is_opened(root, way):
    with pytest.raises(ImageError):
        open_below(root, PurePosixPath(way))


def test_a_file_below_the_root_is_opened(root):
    with open_below(root, PurePosixPath("2026/may/c.jpg")) as file:
        assert file.read() == b"2026/may/c.jpg"


def test_a_manifest_may_name_a_file_below_a_root_or_by_its_whole_path(root, tmp_path):
    folders = Folders([tmp_path / "elsewhere", root])
    expected = (root, PurePosixPath("2026/b.png"))
    assert folders.find("2026/b.png") == folders.find(str(root / "2026/b.png")) == expected
    outside = ["link.png", str(tmp_path / "secret/key.png"), "../secret/key.png", "z.png"]
    assert [folders.find(name) for name in outside] == [None] * 4


def test_a_missing_root_is_told(tmp_path, root):
    folders = Folders([tmp_path / "gone", root])
    assert folders.missing() == [tmp_path / "gone"]
    assert folders.list_folders(1)[0].root == root

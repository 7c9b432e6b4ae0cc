from hashlib import sha256

import pytest

from core.blobs import BlobStore
from core.errors import StorageError


@pytest.fixture
def store(tmp_path):
    return BlobStore(tmp_path / "blobs")


def test_what_is_put_comes_back_under_its_digest(store):
    digest = store.put(b"picture")
    assert digest == sha256(b"picture").hexdigest()
    assert store.get(digest) == b"picture"
    assert store.put(b"picture") == digest


def test_pieces_make_one_file(store):
    with store.begin() as upload:
        upload.write(b"pic")
        upload.write(b"ture")
        assert upload.finish() == sha256(b"picture").hexdigest()
    assert upload.size_bytes == 7


def test_an_unfinished_upload_leaves_nothing(store):
    with store.begin() as upload:
        upload.write(b"half")
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_a_changed_file_is_gone_rather_than_wrong(store):
    digest = store.put(b"picture")
    store.path(digest).write_bytes(b"another")
    assert store.get(digest) is None


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n"])
def test_only_digests_are_names(store, name):
    with pytest.raises(ValueError, match="digest"):
        store.path(name)


def test_only_unwanted_old_files_are_deleted(store):
    kept, old = store.put(b"kept"), store.put(b"old")
    assert store.keep_only({kept}, older_than_s=3600) == 0
    assert store.keep_only({kept}, older_than_s=-1) == 1
    assert store.get(kept) == b"kept"
    assert store.get(old) is None


def test_a_disk_that_refuses_is_a_storage_error(store):
    (store.root / "incoming").rmdir()
    with pytest.raises(StorageError):
        store.put(b"picture")


def test_files_are_private(store):
    assert store.path(store.put(b"picture")).stat().st_mode & 0o077 == 0

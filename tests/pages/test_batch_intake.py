"""How pictures come into a batch on the page: zips, manifests, folders of the server."""

import json
import zipfile
from io import BytesIO

import pytest

from tests import upstream
from tests.pages.test_batch import drop, png, press, read, settle
from ui.resources import workbench


def csv(*lines: str) -> bytes:
    return "\n".join(("source,id,prompt,task,detail,priority", *lines)).encode()


def zipped(**files: bytes) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)
    return packed.getvalue()


def items_of(batch):
    return workbench().batches.items(batch.id)


def test_a_manifest_says_what_is_asked_about_each_picture(open_app, use_upstream):
    use_upstream(upstream.fine)
    at = press(open_app("batch"), "batch.new")
    lines = csv("b.png,7,How many?,,low,5", "a.png,,,receipt,,", "gone.png,,,,,", "c.png,,,none,,")
    drop(at, {"a.png": png(1), "b.png": png(2), "c.png": png(3), "list.csv": lines})
    written = read(at)
    assert "**3** pictures are ready" in written
    assert "list.csv:4** · IMG003 · There is no uploaded file called gone.png" in written
    assert "list.csv:5** · CFG002" in written
    press(at, "batch.leave_out")
    press(at, "batch.start")
    read(at)
    (batch,) = workbench().batches.list_batches()
    settle(batch.id)
    asked = {item.name: item for item in items_of(batch)}
    assert asked["b.png"].question.prompt == "How many?"
    assert (asked["b.png"].label, asked["b.png"].priority) == ("7", 5)
    assert asked["a.png"].question.task == "receipt"
    assert asked["c.png"].question.task == "describe"


def test_pictures_may_arrive_after_their_manifest(open_app):
    at = press(open_app("batch"), "batch.new")
    drop(at, {"list.jsonl": json.dumps({"source": "late.png", "prompt": "What?"}).encode()})
    assert "no uploaded file called late.png" in read(at)
    drop(at, {"late.png": png(1)})
    assert "**1** picture is ready" in read(at)


def test_a_zip_gives_its_pictures_and_says_what_it_left_out(open_app):
    at = press(open_app("batch"), "batch.new")
    packed = zipped(**{"a.png": png(1), "b.png": png(2), "readme.txt": b"-", "bad.png": b"no"})
    drop(at, {"all.zip": packed, "copy of a.png": png(1)})
    written = read(at)
    assert "**3** pictures are ready" in written
    assert "readme.txt** · Left out" in written
    assert "bad.png** · IMG002" in written
    assert "copy of a.png = a.png" in written


def test_a_manifest_that_is_no_table_is_refused(open_app):
    at = press(open_app("batch"), "batch.new")
    drop(at, {"list.csv": b"file\na.png\n"})
    assert "no column named source" in read(at)


@pytest.fixture
def server_folder(tmp_path, monkeypatch):
    folder = tmp_path / "photos"
    (folder / "may").mkdir(parents=True)
    for number, name in enumerate(["a.png", "may/b.png", "may/notes.txt"]):
        (folder / name).write_bytes(png(number))
    (folder / "may/link.png").symlink_to("/etc/passwd")
    monkeypatch.setenv("TESSERA_FOLDERS", str(folder))
    return folder


def test_no_folder_is_offered_unless_configured(open_app):
    at = press(open_app("batch"), "batch.new")
    assert not [button for button in at.button if button.key == "batch.add_folder"]


def test_a_folder_of_the_server_is_read_without_following_links(open_app, server_folder):
    at = press(open_app("batch"), "batch.new")
    offered = at.selectbox(key="batch.folder").options
    assert offered == ["photos (2)", "photos/may (1)"]
    at.selectbox(key="batch.folder").set_value(1).run()
    press(at, "batch.add_folder")
    written = read(at)
    assert "**1** picture is ready" in written
    assert "link.png** · IMG003 · This is a link" in written
    assert "notes.txt** · Left out" in written


def test_a_manifest_names_files_below_the_configured_folders_only(open_app, server_folder):
    at = press(open_app("batch"), "batch.new")
    lines = csv(
        "may/b.png,,,,,", f"{server_folder}/a.png,,,,,", "/etc/hostname,,,,,", "../x.png,,,,,"
    )
    drop(at, {"list.csv": lines})
    written = read(at)
    assert "**2** pictures are ready" in written
    assert "list.csv:4** · IMG003" in written
    assert "list.csv:5** · IMG003" in written

"""Tests of core/store/scenarios.py: the team's file, and what is done when it is spoiled."""

import json

import pytest

from core.errors import ConfigurationError, StorageError
from core.scenarios import Scenario
from core.store.scenarios import FILE_NAME, MOST_SAVED, SavedScenarios


def test_what_is_saved_is_there_for_everybody(tmp_path):
    SavedScenarios(tmp_path).save(Scenario(name="Zoo ~ 动物", images=7))
    SavedScenarios(tmp_path).save(Scenario(name="Archive"))
    names = [scenario.name for scenario in SavedScenarios(tmp_path).all()]
    assert names == ["Archive", "Zoo ~ 动物"]


def test_a_name_is_held_once(tmp_path):
    saved = SavedScenarios(tmp_path)
    saved.save(Scenario(name="A", images=1))
    saved.save(Scenario(name=" A ", images=2))
    assert [scenario.images for scenario in saved.all()] == [2]
    saved.remove("A")
    saved.remove("A")
    assert saved.all() == []


def test_without_a_name_nothing_is_saved(tmp_path):
    with pytest.raises(ConfigurationError):
        SavedScenarios(tmp_path).save(Scenario(name="  "))
    assert not (tmp_path / FILE_NAME).exists()


@pytest.mark.parametrize("content", ["", "{", "{}", "[1]", '["nonsense"]', b"\xff\xfe", "null"])
def test_a_spoiled_file_is_told_and_left_alone(tmp_path, content):
    file = tmp_path / FILE_NAME
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = file.read_bytes()
    saved = SavedScenarios(tmp_path)
    for action in (saved.all, lambda: saved.save(Scenario(name="A")), lambda: saved.remove("A")):
        with pytest.raises(ConfigurationError):
            action()
    assert file.read_bytes() == before


def test_there_is_room_for_so_many(tmp_path):
    texts = [f"gpt-4o~high~9x9~1~0~1~1~0~0~realtime~n{n}" for n in range(MOST_SAVED)]
    (tmp_path / FILE_NAME).write_text(json.dumps(texts), encoding="utf-8")
    saved = SavedScenarios(tmp_path)
    saved.save(Scenario(name="n0"))
    with pytest.raises(ConfigurationError, match=str(MOST_SAVED)):
        saved.save(Scenario(name="one more"))


def test_a_disk_that_does_not_take_it_is_told(tmp_path):
    with pytest.raises(StorageError):
        SavedScenarios(tmp_path / "missing").save(Scenario(name="A"))

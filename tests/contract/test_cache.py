"""The cache never runs, reads or deletes what somebody planted, and never gives a wrong answer."""

import pickle
import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

import pytest

from core.cache import KeptAnswer, ResultCache
from core.phrases import Phrase
from core.request_key import KeyParts, request_key
from core.types import Cost, CostBasis, Success, TokenUsage

PARTS = KeyParts(
    "local", "00", None, "[]", "prompt", "system", None, "gpt-4o", "https://x.example", "{}"
)
KEY = request_key(PARTS)
CORRUPTIONS = 300
ANSWER = Success(
    text="eine Rechnung über 12,50 €",
    data={"total": 12.5, "items": [None, True]},
    model="gpt-4o",
    engine="openai",
    finish_reason="stop",
    usage=TokenUsage(300, 8),
    cost=Cost(Decimal("0.00083"), CostBasis.MEASURED),
    latency_s=1.5,
    attempts=2,
    request_key=KEY,
    notes=(Phrase("Page {page} of {total}", {"page": 1, "total": 3}),),
)


@pytest.fixture
def cache(tmp_path, clock):
    opened = ResultCache(tmp_path / "cache", 2**24, ttl_s=3600, clock=clock)
    yield opened
    opened.close()


def execute(tmp_path, sql, *values):
    with closing(sqlite3.connect(tmp_path / "cache" / "cache.db")) as connection, connection:
        assert connection.execute(sql, values).rowcount


class Bomb:
    fired = False

    def __reduce__(self):
        return (setattr, (Bomb, "fired", True))


def test_an_answer_comes_back_unchanged_but_for_its_cost(cache):
    cache.store(PARTS, ANSWER)
    assert cache.get(KEY) == replace(
        ANSWER,
        cached=True,
        usage=TokenUsage(0, 0),
        cost=Cost(Decimal(0), CostBasis.CACHED),
        saved_usd=Decimal("0.00083"),
        latency_s=0.0,
        attempts=0,
    )


def test_hits_misses_and_savings_are_counted_and_survive(cache, tmp_path, clock):
    cache.store(PARTS, ANSWER)
    cache.get(KEY)
    cache.get(KEY)
    cache.get("f" * 64)
    assert cache.look_up(KEY) == KeptAnswer(ANSWER, None)
    assert cache.look_up("e" * 64) is None
    assert cache.answered([KEY])
    cache.close()
    again = ResultCache(tmp_path / "cache", 2**24, ttl_s=3600, clock=clock)
    found = again.statistics()
    again.clear()
    cleared = again.statistics()
    again.close()

    assert (found.entries, found.hits, found.misses) == (1, 2, 1)
    assert found.saved_usd == Decimal("0.00166")
    assert found.size_bytes > 0
    assert (cleared.entries, cleared.hits, cleared.saved_usd) == (0, 0, 0)


def test_an_answer_ends_with_its_time_to_live(cache, clock):
    cache.store(PARTS, ANSWER)
    clock.now_s += 3599
    assert cache.get(KEY)
    clock.now_s += 1
    assert cache.get(KEY) is None


def test_without_a_time_to_live_answers_stay(tmp_path, clock):
    cache = ResultCache(tmp_path, 2**24, ttl_s=None, clock=clock)
    cache.store(PARTS, ANSWER)
    clock.now_s += 10**9
    assert cache.answered([KEY])
    cache.close()


def test_the_least_recently_used_make_room(tmp_path, clock):
    cache = ResultCache(tmp_path, 2**20, ttl_s=None, clock=clock)
    long = replace(ANSWER, text="x" * 50_000)
    cache.store(PARTS, long)
    for number in range(60):
        cache.store(replace(PARTS, prompt=str(number)), long)
        assert cache.get(KEY), number  # in use all the time
    found = cache.statistics()
    assert found.entries < 30
    assert found.size_bytes < 2 * 2**20
    assert not cache.answered([request_key(replace(PARTS, prompt="0"))])
    cache.close()


def test_tenants_do_not_share_and_are_not_explained_to_each_other(cache):
    cache.store(PARTS, ANSWER)
    other = replace(PARTS, tenant="somebody else")
    assert not cache.answered([request_key(other)])
    assert cache.explain(other).nearest_key is None


def test_the_nearest_answer_explains_a_miss(cache):
    cache.store(PARTS, ANSWER)
    cache.store(replace(PARTS, prompt="other", model="gpt-4.1"), ANSWER)
    found = cache.explain(replace(PARTS, prompt="other"))
    assert found.differing in {("prompt",), ("model",)}
    assert cache.explain(PARTS).differing == ()


def test_the_directory_is_for_the_owner_alone(cache, tmp_path):
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [1, 2, 3, 4])
def test_a_planted_pickle_is_never_opened(cache, tmp_path, mode):
    cache.store(PARTS, ANSWER)
    planted = pickle.dumps(Bomb())
    execute(tmp_path, "UPDATE Cache SET mode = ?, value = ? WHERE key = ?", mode, planted, KEY)
    execute(
        tmp_path,
        "INSERT INTO Cache (key, raw, store_time, access_time, mode, value) VALUES (?,0,0,0,?,?)",
        planted,
        mode,
        planted,
    )
    assert cache.get(KEY) is None
    cache.explain(PARTS)
    cache.store(PARTS, ANSWER)
    cache.clear()
    assert not Bomb.fired


@pytest.mark.parametrize("mode", [2, 3, 4])
def test_a_planted_file_name_is_neither_read_nor_deleted(cache, tmp_path, mode):
    secret = tmp_path / "secret"
    secret.write_bytes(b"not for the cache")
    cache.store(PARTS, ANSWER)
    execute(
        tmp_path,
        "UPDATE Cache SET mode = ?, value = NULL, filename = '../secret' WHERE key = ?",
        mode,
        KEY,
    )
    assert cache.get(KEY) is None
    cache.store(PARTS, ANSWER)
    cache.clear()
    assert secret.read_bytes() == b"not for the cache"


def test_a_row_under_another_key_is_a_miss_and_goes(cache, tmp_path):
    cache.store(PARTS, ANSWER)
    execute(tmp_path, "UPDATE Cache SET key = ? WHERE key = ?", "e" * 64, KEY)
    assert cache.get("e" * 64) is None
    assert cache.statistics().entries == 0


def test_a_planted_counter_counts_from_zero(cache, tmp_path):
    cache.get(KEY)
    assert cache.statistics().misses == 1
    execute(tmp_path, "UPDATE Cache SET value = 'many' WHERE key = 'statistics'")
    cache.get(KEY)
    assert cache.statistics().misses == 1


def test_counters_are_written_together_and_none_is_forgotten(cache, tmp_path):
    for _ in range(100):
        cache.get(KEY)
    cache.close()
    again = ResultCache(tmp_path / "cache", 2**20, None)
    assert again.statistics().misses == 100
    again.close()


def test_flipped_bits_never_change_an_answer(cache, tmp_path):
    cache.store(PARTS, ANSWER)
    good = cache.get(KEY)
    with closing(sqlite3.connect(tmp_path / "cache" / "cache.db")) as connection:
        [[sealed]] = connection.execute("SELECT value FROM Cache WHERE key = ?", [KEY])
    chance = random.Random(7)
    for _ in range(100):
        flipped = bytearray(sealed)
        flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        execute(tmp_path, "UPDATE Cache SET value = ? WHERE key = ?", bytes(flipped), KEY)
        assert cache.get(KEY) is None
        cache.store(PARTS, ANSWER)
    assert cache.get(KEY) == good


def test_a_damaged_file_is_set_aside_and_the_cache_goes_on(tmp_path, clock):
    cache = ResultCache(tmp_path / "good", 2**24, ttl_s=None, clock=clock)
    for number in range(40):
        cache.store(replace(PARTS, prompt=str(number)), ANSWER)
    cache.store(PARTS, ANSWER)
    cache.close()
    whole = (tmp_path / "good" / "cache.db").read_bytes()

    for seed in range(CORRUPTIONS):
        shutil.rmtree(tmp_path / "bad", ignore_errors=True)
        (tmp_path / "bad").mkdir()
        (tmp_path / "bad" / "cache.db").write_bytes(_damaged(whole, random.Random(seed)))
        again = ResultCache(tmp_path / "bad", 2**24, ttl_s=None, clock=clock)
        found = again.get(KEY)
        again.store(PARTS, ANSWER)
        kept = again.get(KEY)
        again.close()

        assert found is None or (found.text, found.data) == (ANSWER.text, ANSWER.data), seed
        assert kept is None or kept.text == ANSWER.text, seed


def _damaged(data: bytes, chance: random.Random) -> bytes:
    """Return the file cut, with a page of zeros, with a broken header, or with flipped bits."""
    damaged = bytearray(data)
    kind, at = chance.randrange(4), chance.randrange(len(data) // 4096) * 4096
    if kind == 0:
        return data[: chance.randrange(len(data))]
    if kind == 1:
        damaged[at : at + 4096] = bytes(4096)
        return bytes(damaged)
    area = 100 if kind == 2 else len(data)
    for _ in range(20):
        damaged[chance.randrange(area)] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def test_no_database_at_all_is_replaced_and_kept_for_inspection(tmp_path, clock):
    directory = tmp_path / "cache"
    directory.mkdir()
    (directory / "cache.db").write_bytes(b"this is not a database, " * 100)
    cache = ResultCache(directory, 2**24, ttl_s=None, clock=clock)
    cache.store(PARTS, ANSWER)
    assert cache.answered([KEY])
    cache.close()
    assert len(list(directory.glob("cache.db.corrupt-*"))) == 1


def test_a_revised_answer_is_the_one_that_is_served_and_grows_no_younger(cache, clock):
    cache.store(PARTS, ANSWER)
    clock.now_s += 3000
    cache.revise(KEY, lambda answer: replace(answer, held="CNT008"))
    assert cache.get(KEY).held == "CNT008"
    clock.now_s += 600
    assert cache.get(KEY) is None


def test_what_is_not_kept_is_not_revised(cache):
    cache.revise(KEY, lambda answer: replace(answer, held="CNT008"))
    assert cache.get(KEY) is None


def test_a_forgotten_answer_is_a_miss(cache):
    cache.store(PARTS, ANSWER)
    cache.forget(KEY)
    cache.forget(KEY)
    assert cache.get(KEY) is None

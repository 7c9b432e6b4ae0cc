from dataclasses import replace
from decimal import Decimal

import pytest

from core.review import accept
from core.store.database import open_database, writing
from core.store.review import WITHIN_S, Given, accept_key, forget_old, judge
from core.types import Cost, CostBasis, Success

NOW_S = 1_800_000_000.0
LONG = "The lake lies between two wooded hills under a clear evening sky. " * 5


@pytest.fixture
def database(tmp_path):
    opened = open_database(tmp_path)
    yield opened
    opened.dispose()


def answer(key, text=LONG):
    cost = Cost(Decimal(0), CostBasis.MEASURED)
    return Success(text, None, "gpt-4o", "openai", "stop", None, cost, 1.0, 1, key)


def judged(database, key, given, now_s=NOW_S, text=LONG):
    with writing(database) as connection:
        return judge(connection, answer(key, text), given, now_s)


@pytest.mark.parametrize(
    ("second", "later_s", "is_held"),
    [
        (Given("picture 2"), 1.0, True),
        (Given("picture 2"), WITHIN_S - 1, True),
        (Given("picture 2"), WITHIN_S, False),
        (Given("picture 2", "batch"), WITHIN_S, True),
        (Given("picture 2", "another batch"), 1.0, True),
        (Given("picture 2", "another batch"), WITHIN_S, False),
        (Given("picture 1", "batch"), 1.0, False),
    ],
)
def test_the_same_words_count_within_a_batch_or_a_day(database, second, later_s, is_held):
    judged(database, "key 1", Given("picture 1", "batch", "item"))
    found = judged(database, "key 2", second, NOW_S + later_s)
    assert (found.outcome.held == "CNT008") is is_held
    assert found.also_held == (("key 1",) if is_held else ())


def test_many_of_the_same_name_each_earlier_one_only_once(database):
    found = [judged(database, f"key {n}", Given(f"picture {n}")) for n in range(4)]
    assert [each.also_held for each in found] == [(), ("key 0",), (), ()]


def test_other_words_are_not_compared(database):
    judged(database, "key 1", Given("picture 1"))
    assert judged(database, "key 2", Given("picture 2"), text=LONG + "Rain.").outcome.held is None


def test_what_a_person_accepted_is_not_held_by_a_later_one(database):
    judged(database, "key 1", Given("picture 1"))
    with writing(database) as connection:
        accept_key(connection, "key 1")
    found = judged(database, "key 2", Given("picture 2"))
    assert (found.outcome.held, found.also_held) == ("CNT008", ())


def test_an_accepted_answer_that_is_served_again_stays_accepted(database):
    judged(database, "key 1", Given("picture 1"))
    with writing(database) as connection:
        again = judge(connection, accept(answer("key 2")), Given("picture 2"), NOW_S)
    assert again.outcome.held is None


def test_an_answer_that_is_held_already_keeps_its_reason(database):
    judged(database, "key 1", Given("picture 1"))
    with writing(database) as connection:
        held = replace(answer("key 2"), held="CNT007")
        found = judge(connection, held, Given("picture 2"), NOW_S)
    assert found.outcome.held == "CNT007"


def test_old_words_are_forgotten(database):
    judged(database, "key 1", Given("picture 1", "batch", "item"))
    with writing(database) as connection:
        forget_old(connection, NOW_S + 31 * WITHIN_S)
    assert judged(database, "key 2", Given("picture 2", "batch")).outcome.held is None


def test_the_look_up_and_the_list_of_held_items_use_an_index(database):
    statements = [
        "SELECT 1 FROM answers WHERE digest = 'a' AND picture <> 'b' AND (batch = 'c' OR at_s > 0)",
        "SELECT id FROM items WHERE batch = 'b' AND code IS NOT NULL ORDER BY position",
    ]
    with writing(database) as connection:
        for statement in statements:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()
            assert all("SCAN" not in row[3] for row in plan), plan

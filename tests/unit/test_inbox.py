from core.inbox import Arrival, Inbox


def test_only_the_holder_of_the_ticket_sees_its_files():
    inbox = Inbox()
    mine, theirs = inbox.new_ticket(), inbox.new_ticket()
    inbox.add(mine, Arrival("a.png", "d" * 64, 3))
    assert inbox.take(theirs) == []
    assert inbox.take(mine) == [Arrival("a.png", "d" * 64, 3)]
    assert inbox.take(mine) == []


def test_files_come_in_the_order_they_were_chosen():
    inbox = Inbox()
    ticket = inbox.new_ticket()
    inbox.add(ticket, Arrival("b.png", "b" * 64, 3, position=1))
    inbox.add(ticket, Arrival("a.png", "a" * 64, 3, position=0))
    assert [arrival.name for arrival in inbox.take(ticket)] == ["a.png", "b.png"]


def test_an_unknown_ticket_takes_and_gives_nothing():
    inbox = Inbox()
    inbox.add("forged", Arrival("a.png", "d" * 64, 3))
    assert not inbox.knows("forged")
    assert inbox.take("forged") == []


def test_the_oldest_ticket_makes_room():
    inbox = Inbox()
    first = inbox.new_ticket()
    for _ in range(1000):
        inbox.new_ticket()
    assert not inbox.knows(first)

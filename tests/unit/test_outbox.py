"""Tickets for downloads: one each, not to be guessed, the oldest makes room."""

from core.batch import ExportFormat
from core.outbox import Outbox, Parcel

CSV = Parcel("a", ExportFormat.CSV)


def test_each_session_gets_a_ticket_of_its_own():
    outbox = Outbox()
    first, second = outbox.new_ticket(CSV), outbox.new_ticket(CSV)
    assert first != second
    assert outbox.parcel(first) == outbox.parcel(second) == CSV
    assert outbox.parcel("guessed") is None


def test_the_oldest_ticket_makes_room():
    outbox = Outbox()
    tickets = [outbox.new_ticket(CSV) for _ in range(1001)]
    assert outbox.parcel(tickets[0]) is None
    assert outbox.parcel(tickets[1]) == CSV

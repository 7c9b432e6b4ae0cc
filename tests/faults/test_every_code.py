"""Every code that is explained can be met: each has a way to it, through a server or a file."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import hostile_files as hostile
import pytest
from PIL import Image

from core import errors
from core.catalog.rules import TileRule
from core.diagnosis import DIAGNOSES
from core.engines.fake import FakeEngine, fake_answer
from core.engines.openai import OpenAIEngine
from core.images.decoder import Decoder
from core.images.fetch import safe_fetch
from core.images.limits import DecodeLimits
from core.settings import Settings, load_settings
from core.store.calls import PlannedCall
from core.store.database import open_database
from core.store.ledger import Ledger
from core.store.owners import this_process
from core.tasks import task
from core.types import AnswerSchema, Detail, ImageSource, PreparedImage, Success
from tests import upstream as faults
from tests.certificates import make_authority
from tests.client_kit import (
    SCHEMA,
    FakePreparer,
    ManualTime,
    make_request,
    manual_timing,
    open_test_client,
)
from tests.upstream import Fault, upstream

Way = Callable[[Path, pytest.MonkeyPatch], Awaitable[str]]
LONG = "The lake lies between two wooded hills under a clear evening sky. " * 5
PAGE = AnswerSchema("page", {"type": "object"})
LIMITS = DecodeLimits(max_cpu_s=1, max_pixels=1_000_000, max_pages=1)


async def ask(directory: Path, base_url: str, **changes: Any) -> str:
    """Ask a server once and return the code that came of it."""
    settings = Settings(_env_file=None, openai_api_key="sk-x", openai_base_url=base_url)
    timing = manual_timing(ManualTime(), call_timeout_s=changes.pop("timeout_s", 20))
    async with open_test_client(directory, OpenAIEngine(settings), timing=timing) as client:
        outcome = await client.analyze(make_request(schema=SCHEMA, **changes))
    assert not isinstance(outcome, Success)
    return outcome.code


def server(fault: Fault, **changes: Any) -> Way:
    async def way(directory: Path, _: pytest.MonkeyPatch) -> str:
        async with upstream(fault) as running:
            return await ask(directory, running.base_url, **changes)

    return way


def address(base_url: str) -> Way:
    async def way(directory: Path, _: pytest.MonkeyPatch) -> str:
        return await ask(directory, base_url)

    return way


async def dead_proxy(directory: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    return await ask(directory, "http://tessera.invalid/v1")


async def untrusted(directory: Path, _: pytest.MonkeyPatch) -> str:
    tls = make_authority(directory).server_context("127.0.0.1")
    async with upstream(faults.fine, tls=tls) as running:
        return await ask(directory / "data", running.base_url)


def picture(data: bytes | Callable[[], bytes], page: int | None = None) -> Way:
    """Decode a file in a real child."""

    async def way(_: Path, __: pytest.MonkeyPatch) -> str:
        decoder = Decoder(workers=1, limits=LIMITS)
        source = ImageSource("file", data if isinstance(data, bytes) else data(), page)
        try:
            await decoder.prepare(source, TileRule(85, 170), Detail.HIGH)
        except errors.ImageError as error:
            return error.code
        finally:
            await decoder.close()
        pytest.fail("it is a picture")

    return way


async def forbidden_address(_: Path, __: pytest.MonkeyPatch) -> str:
    with pytest.raises(errors.ImageError) as raised:
        await safe_fetch("http://127.0.0.1/a.png", max_bytes=1000, total_timeout_s=5)
    return raised.value.code


class FullPage(FakePreparer):
    async def prepare(self, *_: object) -> PreparedImage:
        return PreparedImage(b"page", "image/png", 800, 1000, "PNG", 800, 1000, ink=0.05)


async def nothing_about_a_page(directory: Path, _: pytest.MonkeyPatch) -> str:
    engine = FakeEngine([fake_answer("{}")])
    async with open_test_client(directory, engine, preparer=FullPage()) as client:
        outcome = await client.analyze(make_request(task="document", schema=PAGE))
    assert isinstance(outcome, Success)
    return str(outcome.held)


async def one_answer_for_all(directory: Path, _: pytest.MonkeyPatch) -> str:
    async with open_test_client(directory, FakeEngine([fake_answer(LONG)])) as client:
        await client.analyze(make_request(b"one"))
        outcome = await client.analyze(make_request(b"two"))
    assert isinstance(outcome, Success)
    return str(outcome.held)


async def no_money(directory: Path, _: pytest.MonkeyPatch) -> str:
    async with open_test_client(directory, FakeEngine(), budget_usd="0") as client:
        return (await client.analyze(make_request())).code


async def bad_setting(_: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DEFAULT_TIMEOUT", "soon")
    with pytest.raises(errors.ConfigurationError) as raised:
        load_settings()
    return raised.value.code


async def bad_input(_: Path, __: pytest.MonkeyPatch) -> str:
    with pytest.raises(errors.InputNotUsableError) as raised:
        task("no such task")
    return raised.value.code


async def bug(directory: Path, _: pytest.MonkeyPatch) -> str:
    async with open_test_client(directory, FakeEngine([ZeroDivisionError()])) as client:
        with pytest.raises(ZeroDivisionError):
            await client.analyze(make_request())
        [row] = client.ledger.recent(1)
    return str(row.code)


async def no_directory(directory: Path, _: pytest.MonkeyPatch) -> str:
    in_the_way = directory / "file"
    in_the_way.write_bytes(b"")
    with pytest.raises(errors.StorageError) as raised:
        open_database(in_the_way / "data")
    return raised.value.code


async def stopped(directory: Path, _: pytest.MonkeyPatch) -> str:
    engine = FakeEngine(gate=asyncio.Event())
    async with open_test_client(directory, engine) as client:
        call = asyncio.create_task(client.analyze(make_request()))
        await engine.asked.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        [row] = client.ledger.recent(1)
    return str(row.code)


async def lost(directory: Path, _: pytest.MonkeyPatch) -> str:
    """A reservation whose process is dead becomes a row when the ledger is opened."""
    with ExitStack() as opened:
        database = open_database(directory)
        opened.callback(database.dispose)
        ledger = Ledger(database)
        ledger._owner = this_process().rpartition("/")[0] + "/1"
        planned = PlannedCall("cli", "describe", "gpt-4o", "openai", "high", "key")
        ledger.reserve("held", planned, Decimal("0.01"), None)
        [row] = Ledger(database).recent(1)
    return str(row.code)


def locked_pdf() -> bytes:
    lock = b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (b"41" * 32, b"42" * 32)
    data = hostile.pdf(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] >>", lock)
    return data.replace(b"/Root 1 0 R", b"/Root 1 0 R /Encrypt 3 0 R /ID [<00><00>]")


BLANK = hostile.encoded(Image.new("RGB", (40, 24), "red"), "PNG")
LARGE = partial(hostile.png, 5000, 5000, pixels=hostile.zeros(5000 * 5001))

WAYS: dict[str, Way] = {
    "NET001": server(faults.hang, timeout_s=0.2),
    "NET002": server(faults.reset_before_payment),
    "NET003": address("http://tessera.invalid/v1"),
    "NET004": dead_proxy,
    "NET005": untrusted,
    "API001": server(faults.key_echoed),
    "API002": server(faults.rate_limit),
    "API003": server(faults.quota),
    "API004": server(faults.no_such_model),
    "API005": server(faults.forbidden),
    "API006": server(faults.broken),
    "API007": server(faults.no_such_address),
    "API008": server(faults.html),
    "API009": server(faults.too_large),
    "API010": server(faults.too_large_for_the_limit),
    "IMG001": picture(LARGE),
    "IMG002": picture(b"this is a letter"),
    "IMG003": forbidden_address,
    "IMG004": picture(BLANK[:60]),
    "IMG005": server(faults.bad_picture),
    "IMG006": picture(hostile.encoded(Image.new("RGB", (2, 2), "red"), "PNG")),
    "IMG007": picture(partial(hostile.many_scans, 400)),
    "IMG008": picture(locked_pdf),
    "CNT001": server(faults.content_filter),
    "CNT002": server(faults.too_long),
    "CNT003": server(faults.length),
    "CNT004": server(faults.refusal),
    "CNT005": server(faults.null_content),
    "CNT006": server(faults.wrong_schema),
    "CNT007": nothing_about_a_page,
    "CNT008": one_answer_for_all,
    "BGT001": no_money,
    "CFG001": bad_setting,
    "CFG002": bad_input,
    "SYS000": bug,
    "SYS001": no_directory,
    "SYS002": stopped,
    "SYS003": lost,
}


def test_no_code_is_without_a_way():
    assert set(WAYS) == set(DIAGNOSES)


@pytest.mark.parametrize("code", WAYS)
async def test_each_code_is_met(tmp_path, monkeypatch, code):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,tessera.invalid")
    assert await WAYS[code](tmp_path, monkeypatch) == code


async def test_a_server_that_finds_a_picture_too_large_says_so_in_the_guides_code(tmp_path):
    async with upstream(faults.image_too_large) as running:
        assert await ask(tmp_path, running.base_url) == "IMG001"
        assert len(running.requests) == 2  # the second time smaller

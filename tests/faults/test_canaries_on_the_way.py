"""Neither the doctor nor a fetch tells a key, a password, a prompt or a picture, whoever echoes."""

import base64
import io
import logging
import zipfile
from datetime import date
from functools import partial

import pytest

from core.api_checks import PaidChecks
from core.checks import CheckState
from core.cli_doctor import show_checks
from core.cli_output import Console
from core.connectivity import check_network
from core.doctor import Patient, examine
from core.engines.openai import OpenAIEngine
from core.i18n import translator
from core.images.decoder import Decoder
from core.images.fetch import safe_fetch
from core.images.intake import Accepted, Intake, Refused
from core.types import Failure
from tests.canaries import (
    ECHO,
    KEY,
    PICTURE,
    PROMPT,
    CanaryPreparer,
    assert_no_secret,
    files_in,
    given,
    watched,
)
from tests.certificates import make_authority
from tests.client_kit import make_request, open_test_client
from tests.endpoint import FULL, completion, endpoint
from tests.faults.test_hostile_urls import drip, listening, only_loopback, pour, silence
from tests.proxying import proxy, speak_http, speak_socks

TODAY = date(2026, 11, 24)
PAID = PaidChecks(wanted=True, front_end="cli")
PASSWORD = "canarypassword0"
SIGNATURE = "canarysignature0"


def echoes():
    """Yield what a server answers that repeats everything, at each thing that it is asked."""
    said = {"message": ECHO, "code": None, "param": ECHO}
    for asked in FULL:
        for status in (400, 401, 403, 404, 413, 429, 500):
            yield asked, (status, {"error": said})
            yield asked, (status, ECHO)
        yield asked, (200, ECHO)
        yield asked, (200, {"error": said})
    for asked in ("POST text", "POST picture"):
        status, answer = completion("red")
        yield asked, (status, answer | {"model": ECHO, "service_tier": ECHO})
    yield "GET /v1/models", (200, {"data": [{"id": ECHO}]})


async def test_no_echo_makes_the_doctor_tell_a_canary(tmp_path, log):
    told, seen, codes = [], "", set()
    async with endpoint() as server:
        settings = given(server.base_url, tmp_path)
        engine = OpenAIEngine(settings)
        async with open_test_client(tmp_path, engine, preparer=CanaryPreparer()) as client:
            patient = Patient(settings, client.catalog, CanaryPreparer(), client)
            for asked, answer in echoes():
                server.answers = {**FULL, asked: answer}
                checks = [check async for check in examine(patient, TODAY, PAID)]
                codes |= {check.code for check in checks if check.state is CheckState.FAIL}
                told.append(repr(checks))
            out = io.StringIO()
            console = Console(translator("en"), as_json=True, out=out, err=out)
            await show_checks(patient, console, TODAY, paid=True)
            seen = watched(client, settings)

    assert codes >= {"API001", "API002", "API005", "API006", "API007"}
    assert '"checks"' in out.getvalue()
    for text in (log.getvalue(), seen, out.getvalue(), *told, *files_in(tmp_path)):
        assert_no_secret(text)
    assert "canaryprompt" not in log.getvalue() + seen  # the cache does keep questions


async def echo_the_login(_proxy, reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    login = head.partition(b"Basic ")[2].split()[0]
    said = base64.b64decode(login) + b" " + login
    writer.write(b"HTTP/1.1 502 %s\r\nX: %s\r\ncontent-length: 0\r\n\r\n" % (said, said))


async def echo_bytes(_proxy, reader, writer):
    writer.write(await reader.read(2**16))


@pytest.mark.parametrize(
    ("url", "handle", "options"),
    [
        ("http://ann:{password}@127.0.0.1:{port}", speak_http, {}),
        ("http://ann:{password}@127.0.0.1:{port}", speak_http, {"login": ("ann", "other")}),
        ("http://ann:{password}@127.0.0.1:{port}", speak_http, {"refuses": True}),
        ("http://ann:{password}@127.0.0.1:{port}", echo_the_login, {}),
        ("https://ann:{password}@127.0.0.1:{port}", echo_bytes, {}),
        ("socks5://ann:{password}@127.0.0.1:{port}", speak_socks, {"login": ("ann", "other")}),
        ("socks5://ann:{password}@127.0.0.1:{port}", speak_socks, {"refuses": True}),
        ("socks5://ann:{password}@127.0.0.1:{port}", echo_bytes, {}),
        ("http://ann:{password}@127.0.0.1:1", speak_http, {}),
        ("http://ann:{password}@no.such.name.invalid:{port}", speak_http, {}),
        ("socks9://ann:{password}@127.0.0.1:{port}", speak_http, {}),
        ("http://ann:{password}@127.0.0.1:port", speak_http, {}),
    ],
)
async def test_no_proxy_makes_the_doctor_tell_its_password(
    tmp_path, monkeypatch, log, url, handle, options
):
    authority = make_authority(tmp_path)  # whom this machine does not trust
    async with endpoint(tls=authority.server_context()) as server, proxy(handle, **options) as way:
        proxies = {"https": url.format(password=PASSWORD, port=way.port)}
        base_url = server.base_url.replace("localhost", "model.example")
        checks = [check async for check in check_network(base_url, proxies)]
    assert CheckState.FAIL in {check.state for check in checks}
    for text in (repr(checks), log.getvalue()):
        assert PASSWORD not in text
        assert base64.b64encode(f"ann:{PASSWORD}".encode()).decode() not in text


JPEG = b"\xff\xd8\xff\xe0" + PICTURE


def reply(status, body, *headers):
    """Return a server's answer to whatever it is asked for."""

    async def answer(writer):
        lines = [f"HTTP/1.1 {status} {ECHO[:40]}", f"Content-Length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()

    return answer


def broken_zip():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("a.jpg", JPEG)
        file.writestr("b.zip", PICTURE)
    return packed.getvalue()


async def nonsense(writer):
    writer.write(ECHO.encode() + b"\r\n\r\n" + PICTURE)
    await writer.drain()


async def cut_off(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + PICTURE)
    await writer.drain()


TO_ITSELF = "Location: http://169.254.169.254/?{}".format(ECHO[:60].replace(" ", "+"))
ANSWERS = {
    "not found": reply(404, ECHO.encode() + PICTURE),
    "failed": reply(500, PICTURE),
    "a page": reply(200, b"<html>" + ECHO.encode()),
    "text": reply(200, ECHO.encode()),
    "a broken picture": reply(200, JPEG),
    "a broken PNG": reply(200, b"\x89PNG\r\n\x1a\n" + PICTURE),
    "a broken PDF": reply(200, b"%PDF-1.7\n" + PICTURE),
    "broken files in a zip": reply(200, broken_zip()),
    "a broken zip": reply(200, b"PK\x03\x04" + PICTURE),
    "packed": reply(200, PICTURE, "Content-Encoding: gzip"),
    "elsewhere": reply(302, b"", TO_ITSELF),
    "around": reply(302, b"", f"Location: /again?{KEY}"),
    "nonsense": nonsense,
    "cut off": cut_off,
    "without end": pour,
    "slow": drip,
    "silent": silence,
}


async def fetch(url, *, max_bytes, total_timeout_s):
    """Fetch from loopback as from the network, with little patience."""
    del max_bytes, total_timeout_s
    limited = partial(safe_fetch, max_bytes=100_000, total_timeout_s=0.5)
    return await limited(url, is_allowed=only_loopback)


async def test_no_address_makes_anything_tell_a_canary(tmp_path, log):
    decoder = Decoder(workers=1)
    settings = given("http://127.0.0.1:1/v1", tmp_path)
    engine = OpenAIEngine(settings)
    refused, failures = {}, []
    async with open_test_client(tmp_path, engine, preparer=decoder) as client:
        for name, answer in ANSWERS.items():
            async with listening(answer) as (port, _):
                url = f"http://127.0.0.1:{port}/a.jpg?key={KEY}&signature={SIGNATURE}"
                async for item in Intake(decoder, fetch).open(url):
                    match item:
                        case Refused(error=error):
                            refused[name] = error
                        case Accepted(source=source):
                            request = make_request(source=source, prompt=PROMPT)
                            failures.append(await client.analyze(request))
        logging.getLogger("core.test").error("asked")
        seen = watched(client, settings)

    assert set(refused) | {"a broken picture", "a broken PNG"} == set(ANSWERS)
    assert len(failures) == 3  # these two, and the picture in the zip
    assert all(isinstance(failure, Failure) for failure in failures)
    assert '"asked"' in log.getvalue()
    told = [repr(error) + repr(error.detail) for error in refused.values()]
    for text in (log.getvalue(), seen, repr(failures), *told, *files_in(tmp_path)):
        assert_no_secret(text)
        assert SIGNATURE not in text
        assert "canaryprompt" not in text

"""The routes beside the pages: who may upload, what is served, which headers every answer has."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.batch import ExportFormat
from core.blobs import BlobStore
from core.errors import InputNotUsableError
from core.images.limits import DecodeLimits
from core.inbox import Inbox
from core.outbox import Outbox, Parcel
from core.runtime import Runtime
from core.settings import Settings
from service.routes import routes
from service.security import middleware

BATCH = "0123456789abcdef0123456789abcdef"
JPEG = b"\xff\xd8\xff" + b"picture"


async def draw(digest: str, page: int) -> bytes | None:
    """Stand for the decoder: one picture is there, and it has two pages."""
    return JPEG + bytes([page]) if digest == "a" * 64 and page < 2 else None


class FakeBatches:
    """One batch whose export never ends."""

    def __init__(self) -> None:
        self.asked = 0

    def export(
        self, batch_id: str, kind: ExportFormat, *, include_held: bool = False
    ) -> Iterator[bytes]:
        if batch_id != BATCH:
            raise InputNotUsableError("no such batch")
        return self._pieces(kind)

    def _pieces(self, kind: ExportFormat) -> Iterator[bytes]:
        for _ in range(3):
            self.asked += 1
            yield f"{kind.value}\n".encode()


@pytest.fixture
def bench(tmp_path):
    """Everything of a workbench that the routes use."""
    return SimpleNamespace(
        settings=Settings(),
        engine=SimpleNamespace(name="embedded"),
        decoder=SimpleNamespace(limits=DecodeLimits(max_archive_bytes=1000)),
        originals=BlobStore(tmp_path / "originals"),
        sent=BlobStore(tmp_path / "sent"),
        inbox=Inbox(),
        outbox=Outbox(),
        batches=FakeBatches(),
        thumbnails=SimpleNamespace(get=draw),
        opened_at_s=0.0,
    )


@pytest.fixture
def client(bench):
    loop = Runtime()
    app = Starlette(
        routes=routes(lambda: bench, lambda: loop), middleware=middleware(["localhost"])
    )
    with TestClient(app, base_url="http://localhost:8501") as client:
        yield client
    loop.close()


def test_a_file_goes_to_disk_and_to_the_holder_of_the_ticket(client, bench):
    ticket = bench.inbox.new_ticket()
    name = "%E6%94%B6%E6%8D%AE.jpg"
    answer = client.put(f"/upload/{ticket}", content=JPEG, headers={"x-name": name})
    assert answer.status_code == 200
    (arrival,) = bench.inbox.take(ticket)
    assert arrival.name == "收据.jpg"
    assert bench.originals.get(arrival.digest) == JPEG


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"sec-fetch-site": "cross-site"}, 403), ({"sec-fetch-site": "same-site"}, 403), ({}, 200)],
)
def test_other_sites_cannot_upload(client, bench, headers, status):
    ticket = bench.inbox.new_ticket()
    assert client.put(f"/upload/{ticket}", content=JPEG, headers=headers).status_code == status


def test_an_unknown_ticket_cannot_upload(client, bench):
    assert client.put("/upload/forged", content=JPEG).status_code == 403
    assert [path for path in bench.originals.root.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(("size", "status"), [(1000, 200), (1001, 413)])
def test_an_endless_upload_is_cut_off(client, bench, size, status):
    ticket = bench.inbox.new_ticket()
    pieces = (b"x" * 100 for _ in range(size // 100))
    rest = iter([*pieces, b"x" * (size % 100)])
    assert client.put(f"/upload/{ticket}", content=rest).status_code == status
    assert len(bench.inbox.take(ticket)) == (status == 200)


def test_only_sent_pictures_are_served(client, bench):
    sent, original = bench.sent.put(JPEG), bench.originals.put(b"<html>secret</html>")
    answer = client.get(f"/image/{sent}")
    assert answer.content == JPEG
    assert answer.headers["content-type"] == "image/jpeg"
    assert client.get(f"/image/{original}").status_code == 404
    assert client.get(f"/image/{bench.sent.put(b'<svg onload=alert(1)>')}").status_code == 404
    assert client.get("/image/..%2F..%2Fetc%2Fpasswd").status_code == 404


def test_every_answer_forbids_loading_from_elsewhere(client):
    headers = client.get("/image/none").headers
    assert "img-src 'self' data: blob:" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_a_foreign_host_name_is_refused(client):
    assert client.get("/health", headers={"host": "evil.example"}).status_code == 400


def test_analyze_is_the_page_at_the_root(client):
    answer = client.get("/analyze?run=x", follow_redirects=False)
    assert answer.status_code == 307
    assert answer.headers["location"] == "./?run=x"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("a" * 64 + "/0", 200),
        ("a" * 64 + "/1", 200),
        ("a" * 64 + "/2", 404),
        ("b" * 64 + "/0", 404),
        ("..%2F..%2Fetc/0", 404),
        ("a" * 64 + "/first", 404),
    ],
)
def test_small_pictures_are_served_by_original_and_page(client, path, status):
    answer = client.get(f"/thumbnail/{path}")
    assert answer.status_code == status
    assert (answer.headers.get("content-type") == "image/jpeg") == (status == 200)


@pytest.mark.parametrize("kind", ExportFormat)
def test_results_are_streamed_to_the_holder_of_a_ticket(client, bench, kind):
    ticket = bench.outbox.new_ticket(Parcel(BATCH, kind))
    with client.stream("GET", f"/export/{ticket}") as answer:
        assert "content-length" not in answer.headers
        expected = f'attachment; filename="tessera-batch-01234567.{kind.value}"'
        assert answer.headers["content-disposition"] == expected
        assert answer.read().decode().split() == [kind.value] * 3


@pytest.mark.parametrize(
    ("click", "told"), [("ab12", ["tessera_file_ab12"]), ("a;b=", []), ("", [])]
)
def test_a_page_is_told_that_its_file_has_begun(client, bench, click, told):
    ticket = bench.outbox.new_ticket(Parcel(BATCH, ExportFormat.XLSX))
    with client.stream("GET", f"/export/{ticket}", params={"click": click}) as answer:
        assert list(answer.cookies) == told


def test_a_forged_ticket_gets_no_results(client, bench):
    bench.outbox.new_ticket(Parcel(BATCH, ExportFormat.CSV))
    assert client.get("/export/forged").status_code == 404
    gone = bench.outbox.new_ticket(Parcel("gone", ExportFormat.CSV))
    assert client.get(f"/export/{gone}").status_code == 404
    assert bench.batches.asked == 0

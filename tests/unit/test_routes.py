"""The routes beside the pages: who may upload, what is served, which headers every answer has."""

from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.blobs import BlobStore
from core.images.limits import DecodeLimits
from core.inbox import Inbox
from core.settings import Settings
from service.routes import routes
from service.security import middleware

JPEG = b"\xff\xd8\xff" + b"picture"


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
        opened_at_s=0.0,
    )


@pytest.fixture
def client(bench):
    app = Starlette(routes=routes(lambda: bench), middleware=middleware(["localhost"]))
    with TestClient(app, base_url="http://localhost:8501") as client:
        yield client


def test_health_says_which_engine_answers(client):
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "healthy"
    assert answer.json()["engine"] == "embedded"
    assert answer.json()["model"] == "local-vision-1"


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
    headers = client.get("/health").headers
    assert "img-src 'self' data: blob:" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_a_foreign_host_name_is_refused(client):
    assert client.get("/health", headers={"host": "evil.example"}).status_code == 400


def test_analyze_is_the_page_at_the_root(client):
    answer = client.get("/analyze?run=x", follow_redirects=False)
    assert answer.status_code == 307
    assert answer.headers["location"] == "./?run=x"


def test_a_scraper_is_told_that_there_are_no_metrics(client):
    assert client.get("/metrics").status_code == 404

"""Tests of core/connectivity.py: every layer, whole and broken, against servers on loopback."""

import pytest

from core.checks import CheckState
from core.connectivity import check_network, embedded_layers
from tests.certificates import make_authority
from tests.endpoint import endpoint
from tests.proxying import proxy, speak_http, speak_socks

LOGIN = ("ann", "se:cret/word")
LOGIN_IN_URL = "ann:se%3Acret%2Fword@"
OK, WARN, FAIL, SKIP = CheckState.OK, CheckState.WARN, CheckState.FAIL, CheckState.SKIP


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusting(authority, monkeypatch):
    """Let this machine trust the test's own authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority


async def look(base_url):
    return {check.name: check async for check in check_network(base_url, {})}


def states(checks):
    return {name: check.state for name, check in checks.items()}


async def test_the_direct_way_is_seen_layer_by_layer(trusting):
    async with endpoint(tls=trusting.server_context()) as server:
        checks = await look(server.base_url)
    assert list(checks) == ["dns", "tcp", "proxy", "tls"]
    assert states(checks) == {"dns": OK, "tcp": OK, "proxy": SKIP, "tls": WARN}
    assert all(checks[name].latency_s > 0 for name in ("dns", "tcp", "tls"))
    assert server.asked == []


async def test_who_signs_anew_is_named_with_the_whole_chain(trusting):
    async with endpoint(tls=trusting.server_context()) as server:
        tls = (await look(server.base_url))["tls"]
    assert "Example Root · Example Relay, which is no public authority" in str(tls.detail)
    told = [str(fact) for fact in tls.facts]
    assert told[0].startswith("localhost, signed by Example Root · Example Relay, valid until 20")
    assert told[1].startswith("Example Root · Example Relay, signed by Example Root")
    assert told[2] == f"SSL_CERT_FILE says whom to trust: {trusting.file}"


@pytest.mark.parametrize(
    ("host", "days", "trusted", "words"),
    [
        ("localhost", 90, False, "Signed by Example Root · Example Relay, whom this machine does"),
        ("localhost", -1, True, "not valid today"),
        ("other.example", 90, True, "is for other.example, not for localhost"),
    ],
)
async def test_a_certificate_that_is_not_accepted_is_explained(
    authority, monkeypatch, host, days, trusted, words
):
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with endpoint(tls=authority.server_context(host, days)) as server:
        tls = (await look(server.base_url))["tls"]
    assert (tls.state, tls.code) == (FAIL, "NET005")
    assert words in str(tls.detail)
    assert str(tls.facts[0]).startswith(f"{host}, signed by Example Root")


async def test_a_file_that_holds_no_certificates_is_named(authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", __file__)
    async with endpoint(tls=authority.server_context()) as server:
        tls = (await look(server.base_url))["tls"]
    assert (tls.state, tls.code) == (FAIL, "NET005")
    assert "SSL_CERT_FILE cannot be used" in str(tls.detail)


async def test_a_server_without_tls_is_not_taken_for_one_with_it():
    async with endpoint() as server:
        tls = (await look(server.base_url.replace("http:", "https:")))["tls"]
    assert (tls.state, tls.code) == (FAIL, "NET002")


@pytest.mark.parametrize(
    ("base_url", "broken", "code"),
    [("http://127.0.0.1:9/v1", "tcp", "NET002"), ("https://a..b/v1", "dns", "NET003")],
)
async def test_behind_a_broken_layer_nothing_is_tried(base_url, broken, code):
    checks = await look(base_url)
    assert (checks[broken].state, checks[broken].code) == (FAIL, code)
    behind = list(checks)[list(checks).index(broken) + 1 :]
    assert {checks[name].state for name in behind} == {SKIP}


@pytest.mark.parametrize(
    ("speak", "scheme"), [(speak_http, "http"), (speak_socks, "socks5"), (speak_socks, "socks5h")]
)
@pytest.mark.parametrize("login", [None, LOGIN])
async def test_a_proxy_is_passed_with_tls_to_the_end(trusting, monkeypatch, speak, scheme, login):
    async with (
        endpoint(tls=trusting.server_context("far.example")) as server,
        proxy(speak, login=login) as between,
    ):
        user = LOGIN_IN_URL if login else ""
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://{user}127.0.0.1:{between.port}")
        checks = await look(f"https://far.example:{server.port}/v1")
    assert states(checks) == {"dns": OK, "tcp": OK, "proxy": OK, "tls": WARN}
    assert between.targets == [("far.example", server.port)]
    said = " ".join(str(check.detail) for check in checks.values())
    assert f"{scheme}://127.0.0.1:{between.port} (ALL_PROXY) connects to far.example" in said
    assert "cret" not in said
    assert "ann" not in said


async def test_a_proxy_may_itself_be_encrypted(trusting, monkeypatch):
    async with (
        endpoint(tls=trusting.server_context("far.example")) as server,
        proxy(speak_http, tls=trusting.server_context()) as between,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"https://localhost:{between.port}")
        checks = await look(f"https://far.example:{server.port}/v1")
    assert states(checks) == {"dns": OK, "tcp": OK, "proxy": OK, "tls": WARN}


@pytest.mark.parametrize("speak", [speak_http, speak_socks])
@pytest.mark.parametrize(
    ("options", "user", "words"),
    [
        ({"login": LOGIN}, "", "wants a user name"),
        ({"login": LOGIN}, "ann:wrong@", "wants a user name"),
        ({"refuses": True}, "", "does not connect to far.example"),
    ],
)
async def test_a_proxy_that_refuses_is_named(monkeypatch, speak, options, user, words):
    async with proxy(speak, **options) as between:
        scheme = "http" if speak is speak_http else "socks5"
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://{user}127.0.0.1:{between.port}")
        checks = await look("https://far.example/v1")
    assert (checks["proxy"].state, checks["proxy"].code) == (FAIL, "NET004")
    assert words in str(checks["proxy"].detail)
    assert checks["tls"].state is SKIP


async def test_what_is_no_proxy_is_not_taken_for_one(monkeypatch):
    async with endpoint() as server:
        monkeypatch.setenv("HTTPS_PROXY", f"socks5://127.0.0.1:{server.port}")
        checks = await look("https://far.example/v1")
    assert (checks["proxy"].state, checks["proxy"].code) == (FAIL, "NET004")


async def test_a_proxy_that_does_not_listen_is_the_proxys_fault(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    checks = await look("https://far.example/v1")
    assert (checks["tcp"].state, checks["tcp"].code) == (FAIL, "NET004")


async def test_a_plain_request_is_handed_to_an_http_proxy(monkeypatch):
    async with proxy(speak_http) as between:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{between.port}")
        checks = await look("http://far.example/v1")
    assert states(checks) == {"dns": OK, "tcp": OK, "proxy": OK, "tls": SKIP}


def test_the_embedded_engine_needs_no_layer():
    assert {check.state for check in embedded_layers()} == {SKIP}

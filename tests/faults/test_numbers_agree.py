"""What is measured, what Prometheus reads and what the server itself counted are the same."""

from decimal import Decimal
from types import SimpleNamespace

from prometheus_client.parser import text_string_to_metric_families

from core.engines.openai import OpenAIEngine
from core.metrics import MetricsReader
from core.settings import Settings
from core.store.check import check_store
from service.prometheus import exposition
from tests import upstream as faults
from tests.client_kit import SCHEMA, ManualTime, make_request, manual_timing, open_test_client
from tests.upstream import USAGE, upstream

IN_TURN = [faults.fine, faults.broken, faults.refusal, faults.fine, faults.length, faults.quota]
PAID_USD = Decimal("0.00083")  # 300 in at 2.50, 8 out at 10 USD per million


async def test_numbers_agree_with_the_log_of_the_server(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    time = ManualTime()
    async with upstream(faults.fine) as server:
        settings = Settings(openai_api_key="k", openai_base_url=server.base_url)
        engine = OpenAIEngine(settings)
        async with open_test_client(
            tmp_path, engine, timing=manual_timing(time), time=time
        ) as client:
            for number in range(24):
                server.fault = IN_TURN[number % len(IN_TURN)]
                await client.analyze(make_request(b"picture %d" % number, schema=SCHEMA))
            server.fault = faults.fine
            for _ in range(3):  # answered, so these come from the cache
                await client.analyze(make_request(b"picture 0", schema=SCHEMA))
            reader = MetricsReader(client.ledger.database)
            found = reader.measure()
            bench = SimpleNamespace(
                metrics=reader,
                client=client,
                catalog=client.catalog,
                ledger=client.ledger,
                cache=client.cache,
                engine=engine,
            )
            text = exposition(bench, "")[0].decode()
            problems = check_store(client.ledger.database)

    sums = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0) + sample.value
    paid, asked = len(server.paid), len(server.requests)
    assert (found.requests, found.cached, found.succeeded) == (27, 3, 8 + 3)
    assert found.failures == {"API003": 4, "API006": 4, "CNT003": 4, "CNT004": 4}
    assert found.calls == sums["tessera_calls_total"] == asked
    assert found.tokens.input + found.tokens.output == paid * USAGE["total_tokens"]
    assert sums["gpt4o_tokens_used_total"] == paid * USAGE["total_tokens"]
    assert found.cost.total_usd == paid * PAID_USD
    assert sums["tessera_cost_usd_total"] == float(paid * PAID_USD)
    assert found.cost.saved_cache_usd == 3 * PAID_USD
    assert sums["gpt4o_requests_total"] == found.requests
    assert sums["gpt4o_request_duration_seconds_count"] == found.latency.n == 8
    assert sums["tessera_failures_total"] == found.failed == 16
    assert problems == []

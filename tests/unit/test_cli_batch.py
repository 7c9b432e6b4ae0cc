"""The commands about batches, whole: real settings, client and decoder; the server is a thread."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from core.cli import main
from tests import upstream as faults
from tests.metered import Conditions, metered
from tests.serving import serving

ROOT = Path(__file__).resolve().parents[2]
FIELDS = {
    "id", "state", "lane", "total", "queued", "running", "succeeded", "failed", "cached",
    "cost_usd", "reserved_usd", "budget_usd", "started_at", "finished_at", "failures",
}  # fmt: skip


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (64, 64), (80 * number, 0, 0)).save(folder / f"{number}.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture
def tell(tmp_path, monkeypatch, capsys):
    """Run a command against a server with one fault; return its exit code and its JSON."""
    monkeypatch.setenv("TESSERA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")

    def run(fault, *words):
        with serving(fault) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
            code = main(["batch", *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_a_batch_is_run_shown_listed_and_exported(tell, pictures, tmp_path):
    code, done = tell(faults.fine, "run", str(pictures), "--out", str(tmp_path / "a.jsonl"))
    assert code == 0
    assert done.keys() >= FIELDS
    assert (done["state"], done["lane"], done["total"]) == ("succeeded", "realtime", 3)
    assert (done["succeeded"], done["left_out"], done["budget_usd"]) == (3, 1, None)
    assert tell(faults.fine, "show", done["id"]) == (0, done)
    assert tell(faults.fine, "list")[1]["batches"] == [done]
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [line["source"] for line in lines] == ["0.png", "1.png", "2.png"]
    assert {line["status"] for line in lines} == {"succeeded"}
    out = tmp_path / "a.csv"
    assert tell(faults.fine, "export", done["id"], "--out", str(out))[0] == 0
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")


def test_failures_are_told_and_tried_again(tell, pictures):
    code, failed = tell(faults.refusal, "run", str(pictures))
    assert (code, failed["state"], failed["failures"]) == (1, "failed", {"CNT004": 3})
    code, done = tell(faults.fine, "retry", failed["id"], "--code", "CNT004")
    assert (code, done["state"], done["succeeded"]) == (0, "succeeded", 3)


def test_a_wrong_key_stops_it_and_resume_goes_on(tell, pictures):
    code, paused = tell(faults.key_echoed, "run", str(pictures))
    assert (code, paused["state"], paused["queued"]) == (3, "paused", 3)
    code, done = tell(faults.fine, "resume", paused["id"])
    assert (code, done["succeeded"]) == (0, 3)


def test_a_budget_is_kept(tell, pictures):
    code, paused = tell(faults.fine, "run", str(pictures), "--budget", "0.0001")
    assert (code, paused["state"], paused["cost_usd"]) == (3, "paused", "0")
    told = tell(faults.fine, "resume", paused["id"], "--budget", "1")
    assert (told[0], told[1]["succeeded"], told[1]["budget_usd"]) == (0, 3, "1")


def test_a_cancelled_batch_keeps_its_results(tell, pictures):
    _, paused = tell(faults.fine, "run", str(pictures), "--budget", "0.0001")
    code, done = tell(faults.fine, "cancel", paused["id"])
    assert (code, done["state"], done["queued"]) == (0, "cancelled", 0)


@pytest.mark.parametrize(
    "words",
    [("show", "nothing"), ("fetch", "nothing"), ("run", "x.png", "--out", "a.doc")],
)
def test_what_cannot_be_done_is_said(tell, words):
    code, said = tell(faults.fine, *words)
    assert (code, said["error"]["code"][:3]) == (2, "CFG")


def test_ctrl_c_pauses_and_says_why_and_how_to_go_on(pictures, tmp_path, monkeypatch, capsys):
    for number in range(20):
        Image.new("RGB", (64, 64), (0, 10 * number, 0)).save(pictures / f"green {number}.png")
    with metered(tmp_path / "server", Conditions(latency_s=0.5)) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "core", "batch", "run", str(pictures), "--json"],
            cwd=ROOT,
            env=os.environ
            | {
                "TESSERA_DATA_DIR": str(tmp_path / "data"),
                "OPENAI_API_KEY": "sk-test",
                "OPENAI_BASE_URL": server.base_url,
                "MAX_CONCURRENT_REQUESTS": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not server.counts().arrived:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    paused = json.loads(out)
    assert process.returncode == 130
    assert f"resume {paused['id']}" in err
    assert (paused["state"], paused["running"]) == ("paused", 0)
    assert paused["succeeded"] + paused["queued"] == 23
    assert "was interrupted" in paused["reason"]
    monkeypatch.setenv("TESSERA_DATA_DIR", str(tmp_path / "data"))
    main(["batch", "show", paused["id"]])
    assert "was interrupted" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["--concurrency", "0"],
        ["--concurrency", "1001"],
        ["--rpm", "x"],
        ["--tpm", "-1"],
        ["--budget", "NaN"],
        ["--budget", "-1"],
        ["--priority", "6"],
        ["--lane", "slow"],
        ["--ready-by", "soon"],
        ["--detail", "huge"],
        ["--task", "none"],
        ["--max-output-tokens", "0"],
    ],
)
def test_a_flag_without_sense_is_bad_usage(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["batch", "run", "x.png", *words])
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err


async def one_answer_for_all(exchange):
    await exchange.complete({"content": "The same words about every picture. " * 10})


def test_held_answers_are_counted_and_left_out_of_files_unless_asked_for(tell, pictures, tmp_path):
    out = tmp_path / "held.jsonl"
    code, done = tell(one_answer_for_all, "run", str(pictures), "--out", str(out))
    assert (code, done["succeeded"], done["held"], done["failures"]) == (0, 3, 3, {})
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(line["text"], line["held"]) for line in lines] == [(None, "CNT008")] * 3

    tell(one_answer_for_all, "export", done["id"], "--out", str(out), "--include-held")
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert all(line["text"].startswith("The same words") for line in lines)


def test_the_batch_lane_runs_to_its_end_and_shows_its_jobs(pictures, tmp_path, monkeypatch, capsys):
    """With no key the engine inside answers, through the same Batch API."""
    monkeypatch.setenv("TESSERA_DATA_DIR", str(tmp_path / "data"))
    code = main(["batch", "run", str(pictures), "--lane", "batch", "--json"])
    done = json.loads(capsys.readouterr().out)
    assert (code, done["state"], done["lane"], done["succeeded"]) == (0, "succeeded", "batch", 3)
    (job,) = done["jobs"]
    assert (job["vendor_state"], job["completed"], job["is_open"]) == ("completed", 3, False)
    assert main(["batch", "fetch", done["id"]]) == 0
    assert job["vendor_id"] in capsys.readouterr().out


def test_an_endpoint_without_a_batch_lane_is_said_to_have_none(tell, pictures):
    code, said = tell(faults.fine, "run", str(pictures), "--lane", "auto", "--ready-by", "18:00")
    assert (code, said["error"]["code"]) == (2, "CFG002")


def test_both_lanes_are_priced_before_it_begins(pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TESSERA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with serving(faults.fine) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        assert main(["batch", "run", str(pictures)]) == 0
    (said,) = re.findall(
        r"Expected: \$([\d.]+) at once, \$([\d.]+) on the", capsys.readouterr().err
    )
    realtime, batch = map(float, said)
    assert realtime == pytest.approx(2 * batch, rel=1e-3)

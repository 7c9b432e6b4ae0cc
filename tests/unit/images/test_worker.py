import json
import subprocess
import sys
from pathlib import Path

from drawings import plain

from core.images import wire
from core.images.limits import DecodeLimits
from core.images.wire import Frame, Job, Wish, job_to_json

ROOT = Path(__file__).resolve().parents[3]


def test_a_picture_may_follow_its_job_through_the_pipe():
    job = Frame(job_to_json(Job(Wish.PROBE, DecodeLimits())), plain())
    done = subprocess.run(
        [sys.executable, "-B", "-m", "core.images.worker"],
        input=job.pack() + job.data,
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
    )
    answer = json.loads(done.stdout[wire.LENGTHS.size :])
    assert answer["format"] == "PNG"

"""A server with the vendor's Batch API on a simulated clock, which fails in chosen ways.

A batch moves through its states as the clock is stepped; nothing sleeps. Each line that is answered
is billed once, in a log of its own, by the prices that were given. It is reached through
`transport` inside the process, or over a port with `listening(upstream.handle)`.
"""

import json
import re
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2

from tests.batch_plans import (
    BATCH_PRICES,
    DAY_S,
    FINE,
    PAID,
    REALTIME_PRICES,
    Fate,
    File,
    Job,
    Paid,
    Plan,
    Price,
    problem,
    token_limit,
)
from tests.batch_wire import (
    HTML_413,
    NO_ROUTE,
    Asked,
    InProcess,
    Reply,
    document,
    form_fields,
    listed,
    refusal,
)
from tests.clock import Clock

ENDPOINT = "/v1/chat/completions"
_PICTURE = re.compile(r"base64,([A-Za-z0-9+/=]+)")


@dataclass
class BatchUpstream:
    """The server: what it was told to do, what it holds, what it has billed.

    `plans` are taken one a batch, in the order of creation; then all go fine. `scripted` answers
    the next requests of a route, which then do nothing; `lost` names routes whose next request is
    obeyed and never answered. Routes are written as in "POST /v1/files" and
    "GET /v1/files/*/content". `without_batches` is what a server says that has no Batch API.
    `enqueued_token_limit` is for all unfinished batches together.
    """

    clock: Clock = field(default_factory=Clock)
    plans: list[Plan] = field(default_factory=list)
    scripted: dict[str, list[Reply]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    without_batches: Reply | None = None
    max_upload_bytes: int = 512_000_000
    enqueued_token_limit: int | None = None
    batch_prices: dict[str, Price] = field(default_factory=lambda: dict(BATCH_PRICES))
    realtime_prices: dict[str, Price] = field(default_factory=lambda: dict(REALTIME_PRICES))
    paid_log: Path | None = None
    asked: list[Asked] = field(default_factory=list)
    files: dict[str, File] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    _bill: list[Paid] = field(default_factory=list)
    _ids: int = 0

    @property
    def paid(self) -> list[Paid]:
        """Return the bill up to now."""
        self.advance()
        return list(self._bill)

    @property
    def transport(self) -> httpx2.AsyncBaseTransport:
        """Return a way to it without a network."""
        return InProcess(self.handle)

    def times(self, route: str) -> int:
        """Return how often a route was asked for."""
        return sum(asked.route == route for asked in self.asked)

    def handle(self, asked: Asked) -> Reply | None:
        """Answer one request; None is a connection that ends without an answer."""
        self.asked.append(asked)
        self.advance()
        if self.scripted.get(asked.route):
            return self.scripted[asked.route].pop(0)
        reply = self._route(asked)
        if asked.route in self.lost:
            self.lost.remove(asked.route)
            return None
        return reply

    def _route(self, asked: Asked) -> Reply:
        if self.without_batches and asked.path.startswith("/v1/batches"):
            return self.without_batches
        match asked.path.removeprefix("/v1/").split("/"):
            case ["chat", "completions"]:
                return self._complete(json.loads(asked.body))
            case ["models"]:
                return listed([{"id": "gpt-4o", "object": "model"}], asked.query)
            case ["files", *rest]:
                return self._route_file(asked, rest)
            case ["batches", *rest]:
                return self._route_batch(asked, rest)
        return NO_ROUTE

    def _route_file(self, asked: Asked, rest: list[str]) -> Reply:
        if not rest:
            is_upload = asked.method == "POST"
            shown = [file for file in reversed(self.files.values()) if self._file(file.id)]
            purpose = asked.query.get("purpose")
            files = [file.shape for file in shown if purpose in {None, file.purpose}]
            return self._upload(asked) if is_upload else listed(files, asked.query)
        file = self._file(rest[0])
        if file is None:
            return refusal(404, None, "No such File object")
        if asked.method == "DELETE":
            del self.files[file.id]
            return document({"id": file.id, "object": "file", "deleted": True})
        if rest[1:] == ["content"]:
            return Reply(200, file.content, "application/octet-stream")
        return document(file.shape)

    def _route_batch(self, asked: Asked, rest: list[str]) -> Reply:
        if not rest:
            shapes = [job.shape for job in reversed(self.jobs.values())]
            is_new = asked.method == "POST"
            return self._create(json.loads(asked.body)) if is_new else listed(shapes, asked.query)
        job = self.jobs.get(rest[0])
        if job is None:
            return refusal(404, None, "No batch found")
        return self._cancel(job) if rest[1:] == ["cancel"] else document(job.shape)

    def _file(self, file_id: str) -> File | None:
        file = self.files.get(file_id)
        return file if file and self.clock() < file.expires_at else None

    def _new_id(self, prefix: str) -> str:
        self._ids += 1
        return f"{prefix}{self._ids:024x}"

    def _keep(self, name: str, purpose: str, content: bytes, kept_s: int = 30 * DAY_S) -> File:
        now = int(self.clock())
        file = File(self._new_id("file-"), name, purpose, content, now, now + kept_s)
        self.files[file.id] = file
        return file

    def _upload(self, asked: Asked) -> Reply:
        if len(asked.body) > self.max_upload_bytes:
            return HTML_413
        fields = form_fields(asked)
        name, content = fields["file"]
        if not name.endswith(".jsonl"):
            return refusal(400, None, "Invalid file format for Batch API. Must be .jsonl")
        kept_s = int(fields.get("expires_after[seconds]", ("", b"2592000"))[1])
        return document(self._keep(name, fields["purpose"][1].decode(), content, kept_s).shape)

    def _create(self, order: dict[str, Any]) -> Reply:
        if order["completion_window"] != "24h" or order["endpoint"] != ENDPOINT:
            return refusal(400, "invalid_value")
        plan = self.plans.pop(0) if self.plans else FINE
        file = self._file(order["input_file_id"])
        requests, problems = read_requests(file.content if file else b"")
        if file is None:
            problems = (problem("file_not_found"),)
        problems = plan.problems or problems or self._over_the_limit(requests)
        now_s = self.clock()
        job = Job(self._new_id("batch_"), plan, order, requests, problems, now_s)
        job.since["validating"] = now_s
        self.jobs[job.id] = job
        self.advance()
        return document(job.shape)

    def _over_the_limit(self, requests: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
        if self.enqueued_token_limit is None:
            return ()
        waiting = [job for job in self.jobs.values() if not job.is_final and not job.problems]
        bodies = [each["body"] for job in waiting for each in job.requests]
        bodies += [each["body"] for each in requests]
        tokens = sum(usage_of(body)["prompt_tokens"] for body in bodies)
        limit = self.enqueued_token_limit
        return (token_limit(limit),) if tokens > limit else ()

    def _cancel(self, job: Job) -> Reply:
        if job.status in {"validating", "in_progress"}:
            job.move("cancelling", self.clock())
        elif job.status != "cancelling":
            return refusal(409, None, f"Cannot cancel a batch with status '{job.status}'.")
        return document(job.shape)

    def _complete(self, body: dict[str, Any]) -> Reply:
        self._pay("realtime", None, body, self.realtime_prices)
        return document(completion(body, Fate.ANSWERED))

    def advance(self) -> None:
        """Let every batch come to where the clock says it is."""
        for job in self.jobs.values():
            while not job.is_final and self._move(job):
                pass

    def _move(self, job: Job) -> bool:
        """Take a batch one state further if it is time."""
        now_s, plan = self.clock(), job.plan
        since_s = job.since[job.status]
        match job.status:
            case "validating":
                return self._next(
                    job, "failed" if job.problems else "in_progress", since_s + plan.validating_s
                )
            case "in_progress":
                self._work(job, min(now_s, job.expires_at))
                if job.done == len(job.requests):
                    return self._next(job, "finalizing", since_s + plan.working_s)
                return self._next(job, "expired", job.expires_at)
            case "finalizing":
                return self._next(job, "completed", since_s + plan.finalizing_s)
            case "cancelling":
                return self._next(job, "cancelled", since_s + plan.cancelling_s)
        raise AssertionError(job.status)

    def _next(self, job: Job, status: str, at_s: float) -> bool:
        if self.clock() < at_s:
            return False
        job.move(status, at_s)
        if status in {"expired", "cancelled"}:
            self._give_up(job, f"batch_{status}")
        if job.is_final and status != "failed":
            self._publish(job)
        return True

    def _work(self, job: Job, until_s: float) -> None:
        """Answer the lines whose time has come."""
        began_s, total = job.since["in_progress"], len(job.requests)
        share = (until_s - began_s) / job.plan.working_s if job.plan.working_s else 1
        while job.done < min(total, int(share * total + 1e-9)):
            self._answer(job, job.requests[job.done], job.plan.fate(job.done))
            job.done += 1

    def _answer(self, job: Job, request: dict[str, Any], fate: Fate) -> None:
        custom_id, body = request["custom_id"], request["body"]
        if fate in PAID:
            self._pay("batch", custom_id, body, self.batch_prices)
            job.output.append(row(custom_id, 200, completion(body, fate)))
        elif fate is Fate.TIMED_OUT:
            job.errors.append(unsent(custom_id, "request_timeout"))
        else:
            status, code = (
                (400, "invalid_image") if fate is Fate.REJECTED else (500, "server_error")
            )
            error = {"message": "fault", "type": "x", "param": None, "code": code}
            job.errors.append(row(custom_id, status, {"error": error}))

    def _give_up(self, job: Job, code: str) -> None:
        for request in job.requests[job.done :]:
            job.errors.append(unsent(request["custom_id"], code))

    def _publish(self, job: Job) -> None:
        expiry = job.order.get("output_expires_after") or {"seconds": 30 * DAY_S}
        for name, rows in (("output", job.output), ("error", job.errors)):
            if rows:
                shown = reversed(rows) if job.plan.is_backwards else rows
                content = "".join(json.dumps(each) + "\n" for each in shown).encode()
                file = self._keep(
                    f"{job.id}_{name}.jsonl", "batch_output", content, expiry["seconds"]
                )
                job.files[name] = file.id

    def _pay(
        self, lane: str, custom_id: str | None, body: dict[str, Any], prices: dict[str, Price]
    ) -> None:
        usage, model = usage_of(body), body["model"]
        tokens = usage["prompt_tokens"], usage["completion_tokens"]
        paid = Paid(lane, custom_id, picture_of(body), model, *tokens, prices[model].of(*tokens))
        self._bill.append(paid)
        if self.paid_log:
            with self.paid_log.open("a") as log:
                log.write(json.dumps(asdict(paid), default=str) + "\n")


def read_requests(content: bytes) -> tuple[list[dict[str, Any]], tuple[dict[str, Any], ...]]:
    """Return the lines of an input, and what the vendor would find wrong with them."""
    requests, problems, seen = [], [], set()
    for number, line in enumerate(content.splitlines(), 1):
        try:
            request = json.loads(line)
        except ValueError:
            problems.append(problem("invalid_json_line", number))
            continue
        if request["custom_id"] in seen:
            problems.append(problem("duplicate_custom_id", number))
        if request["url"] != ENDPOINT:
            problems.append(problem("url_mismatch", number))
        if requests and request["body"]["model"] != requests[0]["body"]["model"]:
            problems.append(problem("model_mismatch", number))
        seen.add(request["custom_id"])
        requests.append(request)
    if not requests and not problems:
        problems.append(problem("empty_file"))
    if len(requests) > 50_000 or len(content) > 200 * 2**20:
        problems.append(problem("too_many_tasks"))
    return requests, tuple(problems)


def picture_of(body: dict[str, Any]) -> str:
    """Return the SHA-256 of the base64 text of the picture that was sent."""
    found = _PICTURE.search(json.dumps(body["messages"]))
    return sha256(found[1].encode() if found else b"").hexdigest()


def usage_of(body: dict[str, Any]) -> dict[str, int]:
    """Return tokens that depend on the picture, so that sums cannot agree by chance."""
    chance = int(picture_of(body)[:4], 16)
    asked, said = 300 + chance % 97, 8 + chance % 13
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def completion(body: dict[str, Any], fate: Fate) -> dict[str, Any]:
    """Return an answer that names the picture."""
    text = f"seen {picture_of(body)}"
    declined = "I cannot help with that." if fate is Fate.REFUSED else None
    message = {"role": "assistant", "content": None if declined else text, "refusal": declined}
    finish = "length" if fate is Fate.CUT else "stop"
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": f"{body['model']}-2024-11-20",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage_of(body),
    }


def row(custom_id: str, status: int, body: dict[str, Any]) -> dict[str, Any]:
    response = {"status_code": status, "request_id": "r", "body": body}
    return {"id": "batch_req_1", "custom_id": custom_id, "response": response, "error": None}


def unsent(custom_id: str, code: str) -> dict[str, Any]:
    error = {"code": code, "message": "This request could not be executed."}
    return {"id": "batch_req_1", "custom_id": custom_id, "response": None, "error": error}

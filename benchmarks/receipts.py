"""How well the embedded engine reads labelled receipts: total, date and vendor.

    python benchmarks/receipts.py [FOLDER]

FOLDER holds manifest.json with a label (total, date, company) for each file; by default the
development images beside the repository. Every picture takes the product's own way: the openai SDK,
the receipt task with its schema, the embedded engine. Dates are compared as days, read day first
where both are possible; totals as numbers.
"""

import asyncio
import base64
import json
import re
import sys
import time
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import httpx2
from openai import AsyncOpenAI

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.engines.transport import AsgiStreamTransport  # noqa: E402 - after the path is set
from core.local.app import build_app  # noqa: E402
from core.settings import EMBEDDED_MODEL  # noqa: E402
from core.tasks import prompt_for, task  # noqa: E402
from core.types import JsonObject  # noqa: E402

DEFAULT_FOLDER = ROOT.parent / "shared" / "data" / "images"
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


def labelled_date(text: str) -> date:
    """Read a label's date, day first; a month above twelve is a day."""
    parts = re.findall(r"\d+|[A-Za-z]{3,}", text)
    if len(parts[0]) == 4:
        year, month, day = map(int, parts[:3])
        return date(year, month, day)
    day, year = int(parts[0]), int(parts[2])
    month = int(parts[1]) if parts[1].isdigit() else MONTHS.index(parts[1][:3].lower()) + 1
    if month > 12:
        day, month = month, day
    return date(year + 2000 if year < 100 else year, month, day)


def labelled_total(text: str) -> Decimal:
    """Read a label's total without its currency."""
    return Decimal(re.sub(r"[^\d.]", "", text))


def letters(text: str | None) -> str:
    """Return what counts when names are compared."""
    return re.sub(r"\W", "", text or "").lower()


async def ask(client: AsyncOpenAI, picture: bytes) -> JsonObject:
    """Return the answer to the receipt task about one picture."""
    receipt = task("receipt")
    system, prompt = prompt_for(receipt)
    url = f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
    parts = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": {"url": url}}]
    schema = {"name": "receipt", "strict": True, "schema": receipt.schema.schema}
    answer = await client.chat.completions.create(
        model=EMBEDDED_MODEL,
        messages=[{"role": "system", "content": system}, {"role": "user", "content": parts}],
        response_format={"type": "json_schema", "json_schema": schema},
    )
    return json.loads(answer.choices[0].message.content or "{}")


def judge(label: JsonObject, answer: JsonObject) -> dict[str, bool]:
    """Return what is right, for each field that the label has."""
    judged = {}
    if label.get("total"):
        given = answer.get("total")
        judged["total"] = given is not None and Decimal(str(given)) == labelled_total(
            label["total"]
        )
    if label.get("date"):
        judged["date"] = answer.get("date") == labelled_date(label["date"]).isoformat()
    if company := label.get("company") or label.get("organisation"):
        judged["vendor"] = letters(answer.get("vendor")) == letters(company)
    return judged


def labelled_entries(folder: Path) -> list[JsonObject]:
    """Return the manifest's entries that say what is right."""
    entries = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    labelled = [entry for entry in entries if isinstance(entry["label"], dict)]
    return [entry for entry in labelled if {"total", "date"} & entry["label"].keys()]


async def main(labelled: list[JsonObject], pictures: list[bytes]) -> None:
    """Ask about every labelled picture and print what was wrong, then the shares."""
    app = build_app(ROOT / "var" / "engine")
    client = AsyncOpenAI(
        api_key="none",
        base_url="http://embedded/v1",
        max_retries=0,
        http_client=httpx2.AsyncClient(transport=AsgiStreamTransport(app), timeout=120),
    )
    right, counted = Counter(), Counter()
    started_s = time.monotonic()
    async with client:
        for entry, picture in zip(labelled, pictures, strict=True):
            answer = await ask(client, picture)
            group = entry["path"].split("/")[0]
            for name, is_right in judge(entry["label"], answer).items():
                counted[group, name] += 1
                right[group, name] += is_right
                if not is_right:
                    wanted = entry["label"].get({"vendor": "company"}.get(name, name))
                    print(f"wrong {name:6} {entry['path']}: {answer.get(name)!r}, label {wanted!r}")
    for (group, name), count in sorted(counted.items()):
        share = right[group, name] / count
        print(f"{group:20} {name:6} {right[group, name]:3} of {count:3}  {share:.1%}")
    print(f"{(time.monotonic() - started_s) / max(1, len(labelled)):.2f} s a picture")


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER
    chosen = labelled_entries(where)
    asyncio.run(main(chosen, [(where / entry["path"]).read_bytes() for entry in chosen]))

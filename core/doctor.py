"""Is everything in order? Each check is data; the command line and the System page draw it."""

import asyncio
import stat
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from sqlalchemy import Engine as Database

from core.catalog import Catalog, Origin
from core.catalog.freshness import date_notes
from core.client import VisionClient
from core.engines.base import Engine
from core.errors import ModelUnavailableError, VisionError
from core.images.decoder import Decoder
from core.phrases import N_, Phrase
from core.settings import Settings
from core.store.check import check_store
from core.tasks import prompt_for, task
from core.text_tokens import text_tokens
from core.types import AnalysisRequest, Detail, Failure, ImageSource, Sampling

_PICTURE: Final = Path(__file__).resolve().parent.parent / "assets" / "favicon.png"


class CheckState(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"  # works, but somebody should look
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    `title` goes through the translator. `code` is the diagnosis code of what failed, which
    core/diagnosis.py explains; `latency_s` is None where time says nothing.
    """

    name: str
    title: str
    state: CheckState
    detail: Phrase
    code: str | None = None
    latency_s: float | None = None


@runtime_checkable
class ListsModels(Protocol):
    """An engine on a network, which can say what its endpoint offers."""

    async def model_names(self) -> tuple[str, ...]:
        """Return the models that the endpoint lists."""
        ...


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined: a workbench's parts."""

    settings: Settings
    catalog: Catalog
    engine: Engine
    decoder: Decoder
    client: VisionClient


async def examine(patient: Patient, today: date) -> AsyncIterator[Check]:
    """Yield each check as it ends; the last one asks the model something tiny, which may cost."""
    yield check_configuration(patient.settings)
    yield check_model(patient.settings.model, patient.catalog, today)
    yield await asyncio.to_thread(check_data_directory, patient.settings.tessera_data_dir)
    yield await asyncio.to_thread(check_records, patient.client.ledger.database)
    yield await asyncio.to_thread(check_tokenizer)
    yield await check_decoder(patient.decoder, patient.catalog, patient.settings.model)
    if isinstance(patient.engine, ListsModels):
        yield await check_engine(patient.engine, patient.settings.model)
    yield await check_answer(patient.client, patient.settings.model)


def check_configuration(settings: Settings) -> Check:
    """Say which engine the settings choose."""
    title = N_("Configuration")
    if settings.embedded:
        said = Phrase("Neither a key nor a server is set: the engine inside Tessera answers.")
    elif settings.openai_api_key is None:
        said = Phrase("Asks {server} without a key.", {"server": settings.base_url})
    else:
        said = Phrase("Asks {server} with a key.", {"server": settings.base_url})
    return Check("configuration", title, CheckState.OK, said)


def check_model(model: str, catalog: Catalog, today: date) -> Check:
    """Say whether the chosen model is known, priced and going to stay."""
    title, card = N_("Model"), catalog.card(model)
    if card.origin is Origin.UNKNOWN:
        said = Phrase(
            "{model} is not in the catalogue: it can be asked, but its price is unknown.",
            {"model": model},
        )
        return Check("model", title, CheckState.WARN, said)
    if card.is_shut_down(today):
        return Check("model", title, CheckState.FAIL, date_notes(card, today)[0], "API004")
    if notes := date_notes(card, today):
        return Check("model", title, CheckState.WARN, notes[0])
    return Check("model", title, CheckState.OK, Phrase("{model} is known.", {"model": model}))


def check_data_directory(folder: Path) -> Check:
    """Write into the data directory, and see who else could."""
    name, title = "data_directory", N_("Data directory")
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"tessera")
        mode = stat.S_IMODE(folder.stat().st_mode)
    except OSError as error:
        said = Phrase(
            "{folder} cannot be written: {problem}.",
            {"folder": str(folder), "problem": error.strerror or type(error).__name__},
        )
        return Check(name, title, CheckState.FAIL, said, "SYS001")
    if mode & 0o077:
        said = Phrase(
            "Other users of this machine may look into {folder} (mode {mode}). Run: chmod 700",
            {"folder": str(folder), "mode": f"{mode:04o}"},
        )
        return Check(name, title, CheckState.WARN, said)
    return Check(name, title, CheckState.OK, Phrase("{folder} is ready.", {"folder": str(folder)}))


def check_records(database: Database) -> Check:
    """Say whether the record of calls and batches is whole and adds up."""
    name, title, started_s = "records", N_("Ledger and batches"), time.monotonic()
    try:
        problems = check_store(database)
    except VisionError as error:
        return _failed(name, title, error)
    if problems:
        return Check(name, title, CheckState.FAIL, problems[0], "SYS001")
    said = Phrase("Every item of every batch is there, and the money adds up.")
    return Check(name, title, CheckState.OK, said, latency_s=time.monotonic() - started_s)


def check_tokenizer() -> Check:
    """Load the vocabulary, whose hash is compared, and count with it."""
    name, title, started_s = "tokenizer", N_("Text tokens"), time.monotonic()
    try:
        text_tokens("tessera", "gpt-4o")
    except VisionError as error:
        return _failed(name, title, error)
    said = Phrase("The vocabulary is the published one.")
    return Check(name, title, CheckState.OK, said, latency_s=time.monotonic() - started_s)


async def check_decoder(decoder: Decoder, catalog: Catalog, model: str) -> Check:
    """Have a child process decode a small picture."""
    name, title, started_s = "decoder", N_("Picture decoder"), time.monotonic()
    card = catalog.card(model)
    try:
        await decoder.prepare(_picture(), card.image_rule, card.details[0])
    except VisionError as error:
        return _failed(name, title, error)
    said = Phrase("A child process decodes pictures.")
    return Check(name, title, CheckState.OK, said, latency_s=time.monotonic() - started_s)


async def check_engine(engine: ListsModels, model: str) -> Check:
    """Ask the endpoint for its list of models, which costs nothing."""
    name, title, started_s = "models", N_("List of models"), time.monotonic()
    try:
        listed = await engine.model_names()
    except ModelUnavailableError:  # 404: some compatible servers have no such page
        said = Phrase("The server answers but does not list its models.")
        return Check(name, title, CheckState.WARN, said, latency_s=time.monotonic() - started_s)
    except VisionError as error:
        return _failed(name, title, error)
    latency_s = time.monotonic() - started_s
    if model not in listed:
        said = Phrase(
            "The server lists {count} models, and {model} is not among them.",
            {"count": len(listed), "model": model},
        )
        return Check(name, title, CheckState.WARN, said, latency_s=latency_s)
    said = Phrase("The server answers and offers {model}.", {"model": model})
    return Check(name, title, CheckState.OK, said, latency_s=latency_s)


async def check_answer(client: VisionClient, model: str) -> Check:
    """Ask about a tiny picture, past the cache, the whole way that every answer takes."""
    name, title = "answer", N_("Tiny request")
    system, prompt = prompt_for(task("custom"), custom_prompt="Which colours are in this picture?")
    request = AnalysisRequest(
        source=_picture(),
        task="custom",
        prompt=prompt,
        system=system,
        model=model,
        detail=Detail.LOW,
        sampling=Sampling(max_output_tokens=2000),
        use_cache=False,
    )
    outcome = await client.analyze(request, front_end="cli")
    if isinstance(outcome, Failure):
        return Check(name, title, CheckState.FAIL, outcome.detail, outcome.code, outcome.latency_s)
    said = Phrase("{model} answered.", {"model": outcome.model})
    return Check(name, title, CheckState.OK, said, latency_s=outcome.latency_s)


def _picture() -> ImageSource:
    return ImageSource(_PICTURE.name, _PICTURE.read_bytes())


def _failed(name: str, title: str, error: VisionError) -> Check:
    return Check(name, title, CheckState.FAIL, error.detail, error.code)

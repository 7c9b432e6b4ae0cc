"""Is everything in order? Each check is data; the command line and the System page draw it."""

import asyncio
import stat
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import Engine as Database

from core.api_checks import ENDPOINT_LAYERS, Endpoint, PaidChecks, check_endpoint, red_picture
from core.catalog import Catalog, Origin
from core.catalog.freshness import date_notes
from core.checks import Check, CheckState, failed, not_reached
from core.client import VisionClient
from core.connectivity import check_network, embedded_layers
from core.errors import VisionError
from core.images.decoder import Decoder
from core.phrases import N_, Phrase
from core.settings import Settings
from core.store.check import check_store
from core.text_tokens import text_tokens


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined: a workbench's parts."""

    settings: Settings
    catalog: Catalog
    decoder: Decoder
    client: VisionClient


async def examine(patient: Patient, today: date, paid: PaidChecks) -> AsyncIterator[Check]:
    """Yield each check as it ends: this machine, the way to the endpoint, the endpoint."""
    settings, client = patient.settings, patient.client
    yield check_configuration(settings)
    yield check_model(settings.model, patient.catalog, today)
    yield await asyncio.to_thread(check_data_directory, settings.tessera_data_dir)
    yield await asyncio.to_thread(check_records, client.ledger.database)
    yield await asyncio.to_thread(check_tokenizer)
    yield await check_decoder(patient.decoder, patient.catalog, settings.model)
    way_is_open = True
    async for check in _check_way(settings):
        way_is_open = way_is_open and check.state is not CheckState.FAIL
        yield check
    if not isinstance(client.engine, Endpoint):
        return
    if way_is_open:
        async for check in check_endpoint(client.engine, client, settings, paid):
            yield check
    else:
        for layer in ENDPOINT_LAYERS:
            yield not_reached(*layer)


async def _check_way(settings: Settings) -> AsyncIterator[Check]:
    if settings.embedded:
        for check in embedded_layers():
            yield check
        return
    async for check in check_network(settings.base_url, settings.proxies):
        yield check


def check_configuration(settings: Settings) -> Check:
    """Say which engine the settings choose."""
    title = N_("Configuration")
    if settings.embedded:
        said = Phrase("Neither a key nor a server is set: the engine inside Tessera answers.")
    elif settings.openai_api_key is None:
        said = Phrase("Asks {server} without a key.", {"server": settings.server})
    else:
        said = Phrase("Asks {server} with a key.", {"server": settings.server})
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
        return failed(name, title, error)
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
        return failed(name, title, error)
    said = Phrase("The vocabulary is the published one.")
    return Check(name, title, CheckState.OK, said, latency_s=time.monotonic() - started_s)


async def check_decoder(decoder: Decoder, catalog: Catalog, model: str) -> Check:
    """Have a child process decode a small picture."""
    name, title, started_s = "decoder", N_("Picture decoder"), time.monotonic()
    card = catalog.card(model)
    try:
        await decoder.prepare(red_picture(), card.image_rule, card.details[0])
    except VisionError as error:
        return failed(name, title, error)
    said = Phrase("A child process decodes pictures.")
    return Check(name, title, CheckState.OK, said, latency_s=time.monotonic() - started_s)

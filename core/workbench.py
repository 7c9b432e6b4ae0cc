"""The composition root: everything that a front end needs, built once from the settings."""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from core.alert_watch import AlertWatch
from core.batch.preparing import StoredPictures
from core.batch.service import Batches
from core.blobs import BlobStore
from core.cache import ResultCache
from core.catalog import Catalog
from core.client import VisionClient
from core.engines.base import Engine
from core.errors import StorageError
from core.i18n import SOURCE_LANGUAGE, translator
from core.images.decoder import Decoder
from core.images.intake import Intake
from core.inbox import Inbox
from core.metrics import MetricsReader
from core.opening import open_client
from core.outbox import Outbox
from core.phrases import Phrase
from core.pulse import SharedPulses
from core.quality.runs import QualityRuns
from core.runs import Runs
from core.settings import Settings
from core.store.alerts import AlertStore
from core.store.batches import SqlBatchStore
from core.store.database import open_database, writing
from core.store.ledger import Ledger
from core.store.quality import SqlQualityStore
from core.store.review import forget_old
from core.store.runs import SqlRunStore
from core.thumbnails import Thumbnails
from core.tray import Tray
from core.webhook import Webhook

RESULTS_KEPT_FOR = timedelta(days=7)
"""How long results of the Analyze page and their pictures stay on disk after the last change."""
_UNUSED_UPLOAD_KEPT_FOR = timedelta(days=1)
_HOUSEKEEPING_EVERY = timedelta(days=1)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Workbench:
    """One process's tools. Made anywhere; its coroutines belong to one event loop."""

    settings: Settings
    client: VisionClient
    decoder: Decoder
    originals: BlobStore
    sent: BlobStore
    inbox: Inbox
    outbox: Outbox
    thumbnails: Thumbnails
    tray: Tray
    runs: Runs
    run_store: SqlRunStore
    batches: Batches
    metrics: MetricsReader
    alerts: AlertWatch
    quality: QualityRuns
    opened_at_s: float = field(default_factory=time.monotonic)
    pulses: SharedPulses = field(default_factory=SharedPulses)

    @classmethod
    def open(cls, settings: Settings) -> "Workbench":
        """Build everything; only the data directory is touched, no network.

        Raises:
            VisionError: The data directory or a setting cannot be used.
        """
        directory, at_once = settings.tessera_data_dir, settings.max_concurrent_requests
        database, decoder = open_database(directory), Decoder()
        originals, sent = _blobs(directory / "blobs"), _blobs(directory / "sent")
        pictures = StoredPictures(decoder, originals)
        client = open_client(settings, database=database, decoder=pictures)
        store = SqlRunStore(database)
        metrics = MetricsReader(database, in_flight=client.in_flight)
        bench = cls(
            settings=settings,
            client=client,
            decoder=decoder,
            originals=originals,
            sent=sent,
            inbox=Inbox(),
            outbox=Outbox(),
            thumbnails=Thumbnails(decoder, originals, directory / "thumbnails"),
            tray=Tray(decoder, originals, sent),
            runs=Runs(client, originals, sent, store, at_once),
            run_store=store,
            batches=Batches(client, SqlBatchStore(database), decoder, originals, at_once),
            metrics=metrics,
            alerts=_alerts(settings, client, metrics),
            quality=_quality(settings, client, decoder),
        )
        bench.forget_old()
        return bench

    @property
    def catalog(self) -> Catalog:
        """Return what is known about models."""
        return self.client.catalog

    @property
    def cache(self) -> ResultCache:
        """Return the kept answers."""
        return self.client.cache

    @property
    def ledger(self) -> Ledger:
        """Return the record of every call."""
        return self.client.ledger

    @property
    def engine(self) -> Engine:
        """Return what answers."""
        return self.client.engine

    def forget_old(self, kept_for: timedelta = RESULTS_KEPT_FOR) -> None:
        """Delete results older than `kept_for`, and the pictures that no result refers to."""
        self.run_store.forget_before(time.time() - kept_for.total_seconds())
        with writing(self.ledger.database) as connection:
            forget_old(connection, time.time())
        self.thumbnails.forget_before(time.time() - kept_for.total_seconds())
        items = self.run_store.all_items()
        unused_s = min(kept_for, _UNUSED_UPLOAD_KEPT_FOR).total_seconds()
        wanted = {i.source.digest for i in items} | self.batches.digests()
        self.originals.keep_only(wanted, older_than_s=unused_s)
        self.sent.keep_only({i.sent.digest for i in items if i.sent}, older_than_s=unused_s)

    async def keep_house(self) -> None:
        """Delete what is too old, once a day, until cancelled."""
        while True:
            await asyncio.sleep(_HOUSEKEEPING_EVERY.total_seconds())
            try:
                await asyncio.to_thread(self.forget_old)
            except StorageError:  # tomorrow again
                _log.exception("housekeeping_failed")

    async def close(self) -> None:
        """End batches, runs, calls and child processes; release files.

        Batches get ten seconds for what is on the wire, and go on when the next process starts.
        """
        await self.quality.close()
        await self.batches.close()
        await self.client.close()
        await self.decoder.close()


def _alerts(settings: Settings, client: VisionClient, metrics: MetricsReader) -> AlertWatch:
    return AlertWatch(
        metrics,
        AlertStore(client.ledger.database),
        client.budget,
        client.catalog,
        _webhook(settings),
        translator(settings.tessera_lang or SOURCE_LANGUAGE),
    )


def _quality(settings: Settings, client: VisionClient, decoder: Decoder) -> QualityRuns:
    return QualityRuns(
        client,
        Intake(decoder),
        SqlQualityStore(client.ledger.database),
        1 if settings.embedded else settings.max_concurrent_requests,
    )


def _webhook(settings: Settings) -> Webhook | None:
    url, secret = settings.tessera_webhook_url, settings.tessera_webhook_secret
    if url is None or secret is None:
        return None
    return Webhook(url.get_secret_value(), secret.get_secret_value())


def _blobs(root: Path) -> BlobStore:
    try:
        return BlobStore(root)
    except OSError as error:
        path = {"path": str(root)}
        raise StorageError(Phrase("The data directory {path} cannot be used.", path)) from error

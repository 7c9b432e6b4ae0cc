"""A client with everything it stands on, from the settings."""

from decimal import Decimal
from typing import Final

from sqlalchemy import Engine as Database

from core.budget import Budget
from core.cache import ResultCache
from core.catalog import USER_MODELS, load_catalog
from core.client import VisionClient
from core.engines.openai import OpenAIEngine
from core.images.decoder import Decoder
from core.pacing import Pacer
from core.prepared import Preparer
from core.settings import Settings
from core.store.database import open_database
from core.store.ledger import Ledger
from core.timing import Timing

_DEADLINE_IN_TIMEOUTS: Final = 3


def open_client(
    settings: Settings, *, database: Database | None = None, decoder: Preparer | None = None
) -> VisionClient:
    """Build the client with its engine, cache and ledger from the settings.

    Whoever brings a database or a decoder may go on using it until the client is closed.

    Raises:
        StorageError: If the data directory cannot be used.
        ConfigurationError: If a file of the catalogue is not usable.
    """
    directory, ttl_h = settings.tessera_data_dir, settings.tessera_cache_ttl_h
    ttl_s = None if ttl_h is None else ttl_h * 3600
    ledger = Ledger(database or open_database(directory))
    cap = settings.tessera_budget_usd
    paced = not settings.embedded  # only its own speed limits the engine inside
    return VisionClient(
        engine=OpenAIEngine(settings),
        preparer=decoder or Decoder(),
        catalog=load_catalog(directory / USER_MODELS),
        cache=ResultCache(directory / "cache", settings.tessera_cache_max_mb * 2**20, ttl_s),
        ledger=ledger,
        budget=Budget(ledger, None if cap is None else Decimal(str(cap))),
        pacer=Pacer(
            settings.rate_limit_rpm if paced else None,
            settings.rate_limit_tpm if paced else None,
            settings.max_concurrent_requests,
        ),
        timing=Timing(settings.default_timeout, _DEADLINE_IN_TIMEOUTS * settings.default_timeout),
    )

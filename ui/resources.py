"""What all sessions share: the loop, the workbench and its runs. Made once, closed once."""

import asyncio
import atexit
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st

from core.batch.adopting import adopt_orphans
from core.collector import spare_the_collector
from core.errors import VisionError
from core.logs import configure_logs
from core.runtime import Runtime, forget, singleton
from core.settings import Settings, load_settings
from core.version import VERSION
from core.workbench import Workbench

log = logging.getLogger(__name__)

_CLOSE_WITHIN_S = 15
_RESUME_WITHIN_S = 60


def settings() -> Settings:
    """Return the settings of the process: environment, then secrets.toml, then .env."""
    return singleton("settings", lambda: load_settings(**_secrets()))


def runtime() -> Runtime:
    """Return the loop that all work runs on."""
    return singleton("runtime", Runtime)


def workbench() -> Workbench:
    """Return the process's workbench, opened at first use.

    Raises:
        VisionError: A setting or the data directory is unusable; asked again at the next call.
    """
    return singleton("workbench", _open)


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Open the workbench before a browser connects, and close it on SIGTERM."""
    await asyncio.to_thread(_warm_up)
    try:
        yield
    finally:
        await asyncio.to_thread(shut_down)


def shut_down() -> None:
    """Close what was opened; safe to call twice."""
    bench, loop = forget("workbench"), forget("runtime")
    if bench is not None and loop is not None:
        loop.run(bench.close(), timeout_s=_CLOSE_WITHIN_S)
    if loop is not None:
        loop.close()


def _open() -> Workbench:
    bench = Workbench.open(settings())
    atexit.register(shut_down)  # plain `streamlit run` of a script has no lifespan
    return bench


def _warm_up() -> None:
    """Pay for heavy imports before the first page.

    Streamlit collects garbage after every rerun, in 119 ms with the libraries below loaded, in
    about 5 with the collector spared.
    """
    import openai
    import pandas as pd
    import plotly.graph_objects as go

    try:
        configure_logs(settings())
        bench = workbench()
        runtime().run(bench.batches.resume_unfinished(), timeout_s=_RESUME_WITHIN_S)
        runtime().submit(bench.keep_house())
        runtime().submit(adopt_orphans(bench.batches))
        runtime().submit(bench.alerts.run())
        engine = {"engine": bench.engine.name, "model": bench.settings.model}
        log.info("server_ready", extra={"version": VERSION} | engine)
    except VisionError as error:  # the pages say so, too
        log.warning("not_ready", extra={"code": error.code, "detail": str(error)})
    log.debug("warm", extra={"loaded": [m.__name__ for m in (openai, pd, go)]})
    spare_the_collector()


def _secrets() -> dict[str, Any]:
    """Return settings kept in .streamlit/secrets.toml, except those that the environment sets."""
    names = Settings.model_fields.keys()
    try:
        found = {str(name).lower(): value for name, value in st.secrets.items()}
    except FileNotFoundError:  # StreamlitSecretNotFoundError: there is no such file
        return {}
    return {n: found[n] for n in names if n in found and n.upper() not in os.environ}

"""Tessera in one file with two roles: the launcher of the process, and each session's script.

`streamlit run app.py` imports it once to find `app`, the ASGI application; Streamlit then runs it
again for every session, where a runtime exists and only the router is needed.
"""

from pathlib import Path

import streamlit as st

HERE = Path(__file__).resolve()


def launch() -> st.App:
    """Build the process: pages, routes, and a service that starts before any browser connects."""
    import sys

    from streamlit.runtime.pages_manager import PagesManager

    sys.path.insert(0, str(HERE.parent))
    from service.routes import routes
    from service.security import middleware
    from ui.resources import lifespan, workbench

    # A first request for /batch would run pages/batch.py bare, without this file (streamlit 1.67).
    PagesManager.uses_pages_directory = False
    return st.App(
        HERE,
        lifespan=lifespan,
        routes=routes(workbench),
        middleware=middleware(st.get_option("server.allowedHosts") or []),
    )


if st.runtime.exists():
    from ui.navigation import run_page

    run_page()
else:
    app = launch()

"""Tessera in one file with two roles: the launcher of the process, and each session's script.

`streamlit run app.py` finds `app`, the ASGI application, and imports this file once for it; for
every session Streamlit then runs it again, where a runtime exists and only the frame is drawn.
"""

import streamlit as st

if st.runtime.exists():
    from ui.navigation import run_page

    run_page()
else:
    import sys
    from pathlib import Path

    from streamlit.runtime.pages_manager import PagesManager

    HERE = Path(__file__).resolve()
    sys.path.insert(0, str(HERE.parent))
    from service.routes import routes
    from service.security import middleware
    from ui.resources import lifespan, runtime, workbench

    # A first request for /batch would run pages/batch.py bare, without this file (streamlit 1.67).
    PagesManager.uses_pages_directory = False
    app = st.App(  # a literal call: Streamlit looks for it in the source
        HERE,
        lifespan=lifespan,
        routes=routes(workbench, runtime),
        middleware=middleware(st.get_option("server.allowedHosts") or []),
    )

"""The embedded engine on a port of this machine, for any OpenAI client."""

from pathlib import Path

import uvicorn

from core.local.app import build_app

HOST = "127.0.0.1"
"""The engine asks nobody for a key, so it serves this machine only."""


def serve(port: int, directory: Path) -> None:
    """Serve until interrupted.

    Args:
        port: TCP port.
        directory: Where files and batches are kept.
    """
    uvicorn.run(build_app(directory), host=HOST, port=port, log_level="warning", access_log=False)

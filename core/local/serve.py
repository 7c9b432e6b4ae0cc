"""The embedded engine on a port of this machine, for any OpenAI client."""

import ipaddress
from pathlib import Path

import uvicorn

from core.errors import ConfigurationError
from core.local.app import build_app
from core.phrases import Phrase


def serve(port: int, directory: Path, host: str = "127.0.0.1") -> None:
    """Serve until interrupted; only to this machine, because the engine asks for no key.

    Args:
        port: TCP port.
        directory: Where files and batches are kept.
        host: An address of this machine.

    Raises:
        ConfigurationError: If `host` can be reached from other machines.
    """
    if not _is_loopback(host):
        raise ConfigurationError(
            Phrase(
                "The embedded engine asks nobody for a key, so it only serves this machine: use "
                "127.0.0.1, not {host}.",
                {"host": host},
            )
        )
    uvicorn.run(build_app(directory), host=host, port=port, log_level="warning", access_log=False)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

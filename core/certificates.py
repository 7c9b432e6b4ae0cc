"""Certificates of a server: whom this machine trusts, and who has signed what a server shows."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from core.errors import ConnectionFailedError, InsecureConnectionError
from core.phrases import Phrase

_READ_BYTES: Final = 2**16
# OpenSSL's names for why it does not trust: include/openssl/x509_vfy.h, read 2026-11-23.
_NOT_YET_VALID, _EXPIRED, _WRONG_HOST, _WRONG_ADDRESS = 9, 10, 62, 64


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate by its names; `is_public` says that the public authorities include it."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    valid_until: datetime
    is_public: bool

    @property
    def line(self) -> Phrase:
        """Return it in one line."""
        return Phrase(
            "{subject}, signed by {issuer}, valid until {date}",
            {
                "subject": self.subject,
                "issuer": self.issuer,
                "date": self.valid_until.date().isoformat(),
            },
        )


class UntrustedCertificateError(InsecureConnectionError):
    """The server's certificate is not accepted; `chain` is what it showed."""

    def __init__(self, detail: Phrase, chain: tuple[Certificate, ...]) -> None:
        super().__init__(detail)
        self.chain = chain


def trust() -> ssl.SSLContext:
    """Return whom to trust: SSL_CERT_FILE or SSL_CERT_DIR where set, else this machine's store.

    Raises:
        InsecureConnectionError: If SSL_CERT_FILE does not hold certificates.
    """
    import httpx2  # takes a while, and a page that asks nothing does not need it

    try:
        return httpx2.create_ssl_context()
    except OSError as error:  # ssl.SSLError is one
        raise InsecureConnectionError(
            Phrase(
                "SSL_CERT_FILE cannot be used: {problem}.",
                {"problem": error.strerror or type(error).__name__},
            )
        ) from error


async def shake_hands(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str
) -> tuple[Certificate, ...]:
    """Begin TLS on a connection and return the server's chain, its own certificate first.

    The bytes are carried here, and not by asyncio, because the chain of a server that is not
    trusted can then still be told.

    Raises:
        UntrustedCertificateError: Saying why, and who has signed.
        ConnectionFailedError: If the server does not speak TLS.
    """
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trust().wrap_bio(incoming, outgoing, server_hostname=host)
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            writer.write(outgoing.read())
            received = await reader.read(_READ_BYTES)
            incoming.write(received) if received else incoming.write_eof()
        except ssl.SSLCertVerificationError as error:
            chain = _chain(tls)
            raise UntrustedCertificateError(_why(error, host, chain), chain) from error
        except (ssl.SSLError, OSError) as error:
            raise ConnectionFailedError(
                Phrase(
                    "The server does not speak TLS as it should: {problem}.",
                    {"problem": getattr(error, "reason", None) or type(error).__name__},
                )
            ) from error
        else:
            return _chain(tls)


def _why(error: ssl.SSLCertVerificationError, host: str, chain: tuple[Certificate, ...]) -> Phrase:
    own, top = (chain[0], chain[-1]) if chain else (None, None)
    match error.verify_code:
        case int(code) if own and code in {_EXPIRED, _NOT_YET_VALID}:
            return Phrase("A certificate is not valid today: it has expired or not begun.")
        case int(code) if own and code in {_WRONG_HOST, _WRONG_ADDRESS}:
            names = ", ".join(own.names[:5]) or own.subject
            return Phrase(
                "The certificate is for {names}, not for {host}.", {"names": names, "host": host}
            )
        case _ if top:
            return Phrase(
                "Signed by {issuer}, whom this machine does not trust. A proxy or relay that signs "
                "connections anew looks like this.",
                {"issuer": top.issuer},
            )
        case _:
            problem = {"problem": error.verify_message}
            return Phrase("The certificate is not trusted: {problem}.", problem)


def _chain(tls: Any) -> tuple[Certificate, ...]:
    """Return what is known of the chain, the verified one if there is; else nothing is told."""
    for read in ("get_verified_chain", "get_unverified_chain"):
        # Public only from Python 3.13 on, and then without the names.
        shown: list[Any] | None = getattr(tls._sslobj, read, list)()
        if shown:
            return tuple(map(_certificate, shown))
    return ()


def _certificate(raw: Any) -> Certificate:
    told: Mapping[str, Any] = raw.get_info()
    return Certificate(
        subject=_name(told["subject"]),
        issuer=_name(told["issuer"]),
        names=tuple(name for _, name in told.get("subjectAltName", ())),
        valid_until=datetime.fromtimestamp(ssl.cert_time_to_seconds(told["notAfter"]), UTC),
        is_public=ssl.PEM_cert_to_DER_cert(raw.public_bytes()) in _public_roots(),
    )


def _name(parts: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    """Return the name that people know a certificate by."""
    values = {key: value for part in parts for key, value in part}
    names = (values.get("commonName"), values.get("organizationName"))
    return " · ".join(dict.fromkeys(name for name in names if name)) or "?"


@cache
def _public_roots() -> frozenset[bytes]:
    """Return the roots that browsers trust, as Mozilla lists them."""
    import certifi

    context = ssl.create_default_context(cafile=certifi.where())
    return frozenset(context.get_ca_certs(binary_form=True))

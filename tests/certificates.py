"""A certificate authority of its own for each test run, made by the openssl program."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


@dataclass(frozen=True)
class Authority:
    """A root that signs; trust it through SSL_CERT_FILE=`file`."""

    folder: Path
    name: str = "Example Root"

    @property
    def file(self) -> Path:
        return self.folder / "root.pem"

    def server_context(self, host: str = "localhost", days: int = 90) -> ssl.SSLContext:
        """Return TLS for a server with a certificate for `host`; it has expired for days < 0."""
        key, request, extras, signed, chain = (
            self.folder / f"{host}{days}.{kind}" for kind in ("key", "csr", "ext", "crt", "pem")
        )
        kind = "IP" if host[0].isdigit() else "DNS"
        extras.write_text(f"subjectAltName={kind}:{host}\nextendedKeyUsage=serverAuth\n")
        _openssl("req", *_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={host}")
        by = ["-CA", self.file, "-CAkey", self.folder / "root.key", "-CAcreateserial"]
        lasts = ["-days", str(days), "-extfile", extras]
        _openssl("x509", "-req", "-in", request, *by, *lasts, "-out", signed)
        chain.write_text(signed.read_text() + self.file.read_text())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        return context


def make_authority(folder: Path) -> Authority:
    """Make a root certificate in `folder`, or skip the test where openssl is missing."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is needed to make certificates")
    made = Authority(folder)
    subject = ["-subj", f"/O=Example Relay/CN={made.name}", "-days", "90"]
    uses = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
    marks = [word for use in uses for word in ("-addext", use)]
    out = ["-keyout", folder / "root.key", "-out", made.file]
    _openssl("req", "-x509", *_KEY, *subject, *marks, *out)
    return made


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

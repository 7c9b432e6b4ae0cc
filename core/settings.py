"""Every setting, read once from the environment and passed down. Nothing here is read at import."""

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import ConfigurationError
from core.phrases import Phrase

PROJECT_ROOT = Path(__file__).resolve().parent.parent
OPENAI_ORIGIN = "https://api.openai.com/v1"
EMBEDDED_MODEL = "local-vision-1"


class Settings(BaseSettings):
    """What a person can configure; the names are the environment variables in upper case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_model: str = "gpt-4o"
    max_concurrent_requests: int = Field(5, ge=1, le=1000)
    default_timeout: float = Field(60.0, gt=0, le=900)
    """Seconds until one call is given up."""
    rate_limit_rpm: int | None = Field(None, ge=1)
    rate_limit_tpm: int | None = Field(None, ge=1)
    http_proxy: SecretStr | None = None
    """Secret, like the next two, because a proxy's address can hold a password."""
    https_proxy: SecretStr | None = None
    all_proxy: SecretStr | None = None
    no_proxy: str | None = None
    tessera_data_dir: Path = PROJECT_ROOT / "var"
    tessera_budget_usd: Annotated[float | None, Field(ge=0)] = None
    tessera_lang: Literal["en", "zh_CN"] | None = None
    tessera_cache_ttl_h: Annotated[float | None, NoDecode, Field(gt=0)] = 24.0
    """Hours a cached answer stays valid; `none` keeps it until it is evicted."""
    tessera_cache_max_mb: int = Field(512, ge=1)
    tessera_allow_plain_http: bool = False
    tessera_folders: Annotated[tuple[Path, ...], NoDecode] = ()
    """Folders of this machine that the pages may take pictures from; none unless set."""
    tessera_webhook_url: SecretStr | None = None
    """Where alerts are told; secret, because such addresses often hold a token."""
    tessera_webhook_secret: SecretStr | None = None

    @model_validator(mode="before")
    @classmethod
    def _empty_means_default(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Let an empty variable in the environment switch off what `.env` says."""
        return {name: value for name, value in given.items() if value != ""}

    @field_validator("tessera_cache_ttl_h", mode="before")
    @classmethod
    def _none_means_for_ever(cls, value: Any) -> Any:
        return None if isinstance(value, str) and value.strip().lower() == "none" else value

    @field_validator("tessera_folders", mode="before")
    @classmethod
    def _absolute_folders(cls, value: Any) -> Any:
        """Split a list as PATH is written; a relative folder would depend on where one started."""
        given = value.split(os.pathsep) if isinstance(value, str) else value
        folders = tuple(Path(each) for each in given if str(each).strip())
        if not all(folder.is_absolute() for folder in folders):
            raise ValueError("every folder must be an absolute path")
        return folders

    @property
    def embedded(self) -> bool:
        """Say whether the engine inside Tessera answers: no key and no server are configured."""
        return self.openai_api_key is None and self.openai_base_url is None

    @property
    def proxies(self) -> dict[str, str]:
        """Return what is set about proxies, as `urllib.request.getproxies` names it."""
        named = {"http": self.http_proxy, "https": self.https_proxy, "all": self.all_proxy}
        known = {kind: url.get_secret_value() for kind, url in named.items() if url is not None}
        return known if self.no_proxy is None else {**known, "no": self.no_proxy}

    @property
    def model(self) -> str:
        """Return the model that answers when nobody chooses another."""
        return EMBEDDED_MODEL if self.embedded else self.openai_model

    @property
    def engine_dir(self) -> Path:
        """Return where the engine inside Tessera keeps the files and batches sent to it."""
        return self.tessera_data_dir / "engine"

    @property
    def base_url(self) -> str:
        """Return the endpoint for an engine on the network."""
        return (self.openai_base_url or OPENAI_ORIGIN).rstrip("/")

    @property
    def server(self) -> str:
        """Return the endpoint to show and to keep: without user name, password and query."""
        url = urlsplit(self.base_url)
        port = f":{url.port}" if url.port else ""
        return f"{url.scheme}://{url.hostname}{port}{url.path}"


def load_settings(**overrides: Any) -> Settings:
    """Read the environment, then `.env` in the project, under the given overrides.

    Raises:
        ConfigurationError: Naming the variable, never its value.
    """
    try:
        settings = Settings(_env_file=PROJECT_ROOT / ".env", **overrides)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(
            Phrase(
                "The setting {name} is not usable: {problem}.",
                {"name": str(first["loc"][0]).upper(), "problem": first["msg"]},
            )
        ) from None  # the original text repeats the value, which may be a key
    _refuse_plain_http(settings)
    _check_webhook(settings)
    return settings


def _refuse_plain_http(settings: Settings) -> None:
    """Keep keys and pictures off the open network."""
    url = urlsplit(settings.base_url)
    if url.scheme == "https" and url.hostname:
        return
    if url.scheme != "http" or not url.hostname:
        raise ConfigurationError(
            Phrase("OPENAI_BASE_URL must start with https:// (or http:// for this machine).")
        )
    if not (_is_loopback(url.hostname) or settings.tessera_allow_plain_http):
        raise ConfigurationError(
            Phrase(
                "OPENAI_BASE_URL uses http:// to another machine: the key and the pictures would "
                "travel unencrypted. Use https://, or set TESSERA_ALLOW_PLAIN_HTTP=true if that "
                "network is yours."
            )
        )


def _check_webhook(settings: Settings) -> None:
    """Let alerts leave this machine only encrypted and signed."""
    if settings.tessera_webhook_url is None:
        return
    url = urlsplit(settings.tessera_webhook_url.get_secret_value())
    is_plain = url.scheme == "http" and _is_loopback(url.hostname or "")
    if not url.hostname or not (url.scheme == "https" or is_plain):
        raise ConfigurationError(
            Phrase("TESSERA_WEBHOOK_URL must start with https:// (or http:// for this machine).")
        )
    if settings.tessera_webhook_secret is None:
        raise ConfigurationError(
            Phrase("TESSERA_WEBHOOK_URL needs TESSERA_WEBHOOK_SECRET, which signs what is sent.")
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""The catalogue on disk: the vendor's models that ship with Tessera, and the user's own file."""

import json
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.catalog.entries import EntryError, entry_of, read_card, read_rules
from core.catalog.models import Catalog, ModelCard, Origin
from core.catalog.rules import ImageRule
from core.errors import ConfigurationError, StorageError
from core.phrases import Phrase

USER_MODELS = "models.toml"
"""The user's own file in the data directory."""

VENDOR_FILE = Path(__file__).with_name("models.toml")

_OF_THE_PRICE = ("price_until", "source_url", "read_date")
"""What describes a price and must not outlive it when the user gives another."""


def load_catalog(user_file: Path | None = None) -> Catalog:
    """Read the shipped models, then the user's file over them, key by key.

    Raises:
        ConfigurationError: Naming the file, and the line or key that is not usable.
    """
    vendor = _read_toml(VENDOR_FILE)
    rules = read_rules(vendor["image_rules"])
    cards = _vendor_cards(vendor, rules)
    if user_file is None or not user_file.exists():
        return Catalog(cards, rules)
    try:
        return _with_user_models(cards, rules, _read_toml(user_file))
    except EntryError as error:
        raise _not_usable(user_file, error) from error


def save_user_model(user_file: Path, card: ModelCard) -> None:
    """Write what `card` says differently from the shipped catalogue into the user's file.

    A card that says nothing different leaves the file.

    Raises:
        ConfigurationError: If the file that is there cannot be read; it is left alone.
        StorageError: If the file cannot be written.
    """
    vendor = load_catalog()
    shipped = entry_of(vendor.card(card.name), vendor.rules) if card.name in vendor.names() else {}
    own = {
        key: value
        for key, value in entry_of(card, vendor.rules).items()
        if shipped.get(key) != value
    }
    _change_user_models(user_file, {card.name: own or None})


def remove_user_model(user_file: Path, name: str) -> None:
    """Take a model out of the user's file, so that the shipped card is valid again.

    Raises:
        ConfigurationError: If the file that is there cannot be read; it is left alone.
        StorageError: If the file cannot be written.
    """
    _change_user_models(user_file, {name: None})


def _change_user_models(user_file: Path, changes: Mapping[str, dict[str, Any] | None]) -> None:
    content = _read_toml(user_file) if user_file.exists() else {}
    try:
        _require_known_tables(content)
    except EntryError as error:
        raise _not_usable(user_file, error) from error
    merged = {**content.get("models", {}), **changes}
    content["models"] = {name: entry for name, entry in merged.items() if entry is not None}
    _write_atomically(user_file, to_toml(content))


def _vendor_cards(
    content: Mapping[str, Any], rules: Mapping[str, ImageRule]
) -> dict[str, ModelCard]:
    shared = content["providers"]
    return {
        name: read_card(name, {**shared[entry["provider"]], **entry}, rules, Origin.VENDOR)
        for name, entry in content["models"].items()
    }


def _with_user_models(
    cards: Mapping[str, ModelCard], rules: Mapping[str, ImageRule], user: Mapping[str, Any]
) -> Catalog:
    _require_known_tables(user)
    all_rules = {**rules, **read_rules(user.get("image_rules", {}))}
    merged = dict(cards)
    for name, entry in user.get("models", {}).items():
        shipped = entry_of(cards[name], rules) if name in cards else {}
        merged[name] = read_card(name, _over(shipped, name, entry), all_rules, Origin.USER)
    return Catalog(merged, all_rules)


def _over(shipped: Mapping[str, Any], name: str, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise EntryError(f"models.{name}: a table is needed")
    dropped = {
        *(_OF_THE_PRICE if "price" in entry else ()),
        *(("rule_basis",) if "image_rule" in entry else ()),
    }
    return {**{key: value for key, value in shipped.items() if key not in dropped}, **entry}


def _require_known_tables(content: Mapping[str, Any]) -> None:
    for key, value in content.items():
        if key not in ("models", "image_rules"):
            raise EntryError(f"{key}: unknown key")
        if not isinstance(value, Mapping):
            raise EntryError(f"{key}: a table is needed")


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _not_usable(file, error) from error


def _not_usable(file: Path, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        Phrase(
            "The model catalogue {file} is not usable: {problem}.",
            {"file": file.name, "problem": str(error)},
        )
    )


def to_toml(content: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Write tables of tables, one `[table."name"]` each; deeper tables are written inline."""
    blocks = [
        f"[{table}.{_text(name)}]\n"
        + "".join(f"{key} = {_value(value)}\n" for key, value in entry.items())
        for table, entries in content.items()
        for name, entry in entries.items()
    ]
    return "\n".join(blocks)


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | Decimal():
            return f"{value:f}" if isinstance(value, Decimal) else str(value)
        case date():
            return value.isoformat()
        case str():
            return _text(value)
        case Mapping():
            return "{ " + ", ".join(f"{k} = {_value(v)}" for k, v in value.items()) + " }"
        case _:
            return "[" + ", ".join(_value(each) for each in value) + "]"


def _text(text: str) -> str:
    """Quote as JSON does, which TOML reads alike once DEL is escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write_atomically(file: Path, text: str) -> None:
    draft = file.with_name(file.name + ".new")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        raise StorageError(
            Phrase(
                "The file {file} cannot be written: {problem}.",
                {"file": file.name, "problem": error.strerror or str(error)},
            )
        ) from error

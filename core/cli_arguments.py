"""Arguments that several commands take, and how their values are read."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation

from core.cli_estimate import size_of
from core.phrases import Translate
from core.tasks import TASKS
from core.tokens import Size
from core.types import Detail


def add_question(parser: ArgumentParser, _: Translate) -> None:
    """Add what is asked about which pictures."""
    add_sources(parser, _, "+")
    parser.add_argument("--task", choices=list(TASKS), help=_("What to find out."))
    parser.add_argument("--prompt", help=_("Your own question."))
    parser.add_argument("--model", help=_("Which model to ask."))
    parser.add_argument("--detail", choices=[*Detail], help=_("How closely to look."))
    parser.add_argument(
        "--max-output-tokens", type=positive, help=_("The most tokens of one answer.")
    )


def add_sources(parser: ArgumentParser, _: Translate, nargs: str) -> None:
    """Add the pictures; `nargs` as in argparse."""
    source = _("Image, PDF, zip, folder, address, or manifest (.csv, .jsonl).")
    parser.add_argument("source", nargs=nargs, metavar="SOURCE", help=source)


def add_json(parser: ArgumentParser, _: Translate) -> None:
    """Add the choice of output."""
    parser.add_argument("--json", action="store_true", help=_("Print one JSON document."))


def whole(text: str) -> int:
    """Read 0, 1, 2 and so on."""
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ArgumentTypeError(f"{text!r}: 0, 1, 2 ...")
    return int(text)


def positive(text: str) -> int:
    """Read 1, 2, 3 and so on."""
    if (number := whole(text)) < 1:
        raise ArgumentTypeError(f"{text!r}: 1, 2, 3 ...")
    return number


def port(text: str) -> int:
    """Read a TCP port."""
    if (number := positive(text)) > 65535:
        raise ArgumentTypeError(f"{text!r}: 1-65535")
    return number


def at_once(text: str) -> int:
    """Read how many calls may be out at once, bounded as the setting is."""
    if (number := positive(text)) > 1000:
        raise ArgumentTypeError(f"{text!r}: 1-1000")
    return number


def coming_moment(text: str) -> datetime:
    """Read a time of day, which is the next such one here, or a date and time."""
    now = datetime.now(UTC).astimezone()
    try:
        if len(text) <= len("18:00"):
            at = datetime.combine(now.date(), time.fromisoformat(text), now.tzinfo)
            return at if at > now else at + timedelta(days=1)
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r}: 18:00") from None
    return at if at.tzinfo else at.astimezone()


def share(text: str) -> Decimal:
    """Read a number from 0 to 1."""
    return _decimal(text, Decimal(1), "0-1")


def usd(text: str) -> Decimal:
    """Read an amount in USD, 0 or more."""
    return _decimal(text, None, "2.50")


def size(text: str) -> Size:
    """Read a size in pixels."""
    try:
        return size_of(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r}: 1024x768") from None


def _decimal(text: str, most: Decimal | None, like: str) -> Decimal:
    try:
        number = Decimal(text)
        if number.is_finite() and number >= 0 and (most is None or number <= most):
            return number
    except InvalidOperation:
        pass
    raise ArgumentTypeError(f"{text!r}: {like}")

"""Words that a model wrote, made harmless before a browser sees them."""

import re
from itertools import chain, zip_longest

_LONGEST = 100_000
_FENCE = re.compile(r"^(`{3,})[^`\n]*\n.*?(?:^ {0,3}\1`*[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
"""A block of code as CommonMark sees it. Indented ones are left out: a list that ends around them
would end the code, too."""
_ACTIVE = re.compile(r"([\[\]<>$]|:(?=\w))")
_ADDRESS = re.compile(
    r"((?:https?://|ftp://|www\.)[^\s`|]+|[\w.+-]+@[\w-]+\.[\w.-]+)", re.IGNORECASE
)
"""What the browser side would turn into a link even where brackets are escaped."""
_WORD_JOINER = "\u2060"
"""Cannot be seen, and parts what would be read as one: emoji and icons come after escapes."""
_SHORTCODE = re.compile(r":(?=[a-z_+-][\w+/-]*:)", re.IGNORECASE)
_JOINED = re.compile(r"[:@](?=\w|//)|(?<=www)\.", re.IGNORECASE)
_HEADING = re.compile(r"^(#{1,6})(?= )", re.MULTILINE)
"""An answer's headings stay below those of the page."""


def harmless_markdown(text: str) -> str:
    """Return the text as Markdown that can neither load, link nor run anything.

    Headings, lists, tables and code keep their form. Brackets (pictures, links, coloured text),
    addresses, tags, formulas and `:shortcodes:` lose their meaning. Code blocks are left as they
    are, because nothing in them is active.
    """
    text = text[:_LONGEST]
    safe, end = [], 0
    for fence in _FENCE.finditer(text):
        safe += [_escape(text[end : fence.start()]), fence.group()]
        end = fence.end()
    return "".join([*safe, _escape(text[end:])])


def literal(text: str) -> str:
    """Return one line (a file's name) as Markdown that shows exactly its characters."""
    line = _JOINED.sub(lambda mark: mark[0] + _WORD_JOINER, " ".join(text.split()))
    return re.sub(r"([\\`*_~#|\[\]<>$:])", r"\\\1", line)


def _escape(text: str) -> str:
    """Take the meaning out of active marks, and show addresses as code, which is never a link."""
    text = _HEADING.sub(lambda mark: "####" if len(mark[1]) < 3 else "#####", text)
    pieces = _ADDRESS.split(text)  # every second piece is an address
    pieces[::2] = [_SHORTCODE.sub(":" + _WORD_JOINER, piece) for piece in pieces[::2]]
    plain = [_ACTIVE.sub(r"\\\1", piece) for piece in pieces[::2]]
    addresses = [f"`{piece}`" for piece in pieces[1::2]]
    return "".join(chain.from_iterable(zip_longest(plain, addresses, fillvalue="")))

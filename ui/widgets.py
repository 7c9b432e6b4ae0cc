"""Our browser components, the only JavaScript there is: intake, gallery, zoom, downloads, plots."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from core.pulse import PACE_S
from core.runs import SentImage
from ui.i18n import _

_FOLDER = Path(__file__).parent / "components"


@dataclass(frozen=True, slots=True)
class Tile:
    """One entry of a gallery; `state` colours its dot and is empty for none."""

    id: str
    name: str
    caption: str = ""
    url: str = ""
    state: str = ""
    state_label: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """A file that a browser saves while it is made; `waiting` is said until it begins to come."""

    name: str
    url: str
    help: str
    waiting: str


def intake(
    ticket: str,
    *,
    max_bytes: int,
    key: str = "analyze.intake",
    more: Collection[str] = (),
    tell_every_s: float = 0.0,
    coming: int = 0,
) -> int:
    """Show the drop zone; files go straight to disk, and the page reruns when they are there.

    `more` are endings of files that are accepted besides pictures, PDFs and zips. With
    `tell_every_s` the page reruns as often while files are still on their way, which is only for
    pages that may be interrupted at any place. Returns how many those are; `coming` is what was
    returned before.
    """
    told = _component("intake")(
        key=key,
        data={
            "ticket": ticket,
            "base": base_path(),
            "max_bytes": max_bytes,
            "tell_every_ms": round(1000 * tell_every_s),
            "coming": coming,
            "accept": ",".join(["image/*,.pdf,.zip,.heic,.heif,.avif", *sorted(more)]),
            "labels": _intake_labels(more),
        },
        on_arrived_change=_nothing,
    )
    return int(told.arrived["coming"]) if told.arrived else coming


def _intake_labels(more: Collection[str]) -> dict[str, str]:
    usual = _("or paste them · JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC, PDF, zip")
    others = [ending.removeprefix(".").upper() for ending in sorted(more)]
    return {
        "title": _("Drop pictures or PDFs here"),
        "hint": ", ".join([usual, *others]),
        "choose": _("Choose files"),
        "camera": _("Camera"),
        "snap": _("Take the picture"),
        "close": _("Close"),
        "sending": _("Receiving {done} of {total} …"),
        "too_large": _("too large"),
        "failed": _("could not be received"),
        "no_camera": _("The camera cannot be used here."),
    }


def gallery(
    tiles: Sequence[Tile],
    *,
    key: str,
    selected: str = "",
    pickable: bool = False,
    removable: bool = False,
) -> Any:
    """Show small pictures; the result has `picked` and `removed`, the id of a tile or None."""
    return _component("gallery")(
        key=key,
        data={
            "items": [asdict(tile) for tile in tiles],
            "selected": selected,
            "pickable": pickable,
            "removable": removable,
            "labels": {"remove": _("Remove")},
        },
        on_picked_change=_nothing,
        on_removed_change=_nothing,
    )


def zoomable(image: SentImage, *, name: str, caption: str, key: str) -> None:
    """Show a sent picture, exactly its bytes, with zoom."""
    _component("zoom")(
        key=key,
        data={
            "url": image_url(image),
            "width": image.width_px,
            "height": image.height_px,
            "alt": name,
            "caption": caption,
            "labels": {"in": _("Zoom in"), "out": _("Zoom out"), "fit": _("Fit")},
        },
    )


def bring_into_view(token: str) -> None:
    """Scroll this place into view, once for each token that is not empty."""
    _component("arrive")(key="arrive", data={"token": token})


def downloads(files: Sequence[Download], *, key: str) -> None:
    """Offer files that come straight from a route: nothing is held in the page's memory."""
    data = {"label": _("Download"), "files": [asdict(file) for file in files]}
    _component("downloads")(key=key, data=data)


def thumbnail_url(source_digest: str, page: int | None) -> str:
    """Return where the browser gets a small picture of an original."""
    return f"{base_path()}/thumbnail/{source_digest}/{page or 0}"


def plots(
    drawn: str,
    token: str,
    step_s: int,
    *,
    key: str,
    next_in_s: float = PACE_S,
    is_lively: bool = False,
) -> None:
    """Show plots, and rerun the fragment around them soon after something has changed.

    Args:
        drawn: From `time_charts.to_json`; empty for none.
        token: Of the pulse that was drawn.
        step_s: As it was given to `SharedPulses`.
        key: Of the component.
        next_in_s: When it may begin to ask; then it does so every `PACE_S`.
        is_lively: Whether something is sure to have changed: it then reruns without asking.
    """
    _component("plots")(
        key=key,
        data={
            "plots": drawn,
            "token": token,
            "step_s": step_s,
            "pace_s": PACE_S,
            "next_in_s": next_in_s,
            "lively": is_lively,
            "base": base_path(),
        },
        on_changed_change=_nothing,
    )


def image_url(image: SentImage | None) -> str:
    """Return where the browser gets a sent picture; it may keep it for ever."""
    return f"{base_path()}/image/{image.digest}" if image else ""


def base_path() -> str:
    """Return the path that the app is mounted under, without a slash at its end."""
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def _nothing() -> None:
    """Do nothing: a component only tells triggers that have a callback."""


@cache
def _component(name: str) -> Callable[..., Any]:
    html, css, js = ((_FOLDER / f"{name}.{kind}").read_text() for kind in ("html", "css", "js"))
    made: Callable[..., Any] = st.components.v2.component(
        f"tessera_{name}", html=html, css=css, js=js
    )
    return made

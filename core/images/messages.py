"""Every reason to refuse a source and every note about a picture, as two closed sets.

They are closed because they come back from a child process that may have been taken over by the
file it read: only these sentences, with numbers or short words in their gaps, reach a person.
"""

from dataclasses import dataclass

from core.errors import ImageError, ImageRefusal
from core.phrases import N_, Phrase

Value = int | float | str


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason to refuse, and the sentence that says what to do."""

    reason: ImageRefusal
    template: str

    def error(self, **values: Value) -> ImageError:
        """Return the error with the gaps of the sentence filled."""
        return ImageError(self.reason, Phrase(self.template, values))


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was done to a picture, or seen in it."""

    template: str

    def phrase(self, **values: Value) -> Phrase:
        """Return the sentence with its gaps filled."""
        return Phrase(self.template, values)


EMPTY = Refusal(ImageRefusal.EMPTY, N_("The file is empty. Choose it again."))
NOT_AN_IMAGE = Refusal(
    ImageRefusal.NOT_AN_IMAGE,
    N_("This is not a picture that can be read. Use JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or PDF."),
)
HEIC_MISSING = Refusal(
    ImageRefusal.UNSUPPORTED_TYPE,
    N_(
        "HEIC photos need an extra package: pip install -r requirements-heic.txt. "
        "Or send the photo as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible)."
    ),
)
VECTOR = Refusal(
    ImageRefusal.UNSUPPORTED_TYPE,
    N_("{type} drawings are not accepted. Export the drawing as PNG or PDF."),
)
OTHER_TYPE = Refusal(
    ImageRefusal.UNSUPPORTED_TYPE,
    N_("{type} files are not supported. Save the picture as PNG or JPEG."),
)
WEB_PAGE = Refusal(
    ImageRefusal.NOT_AN_IMAGE,
    N_("This is a web page, not a picture. Open it and save the picture itself."),
)
OFFICE = Refusal(
    ImageRefusal.UNSUPPORTED_TYPE,
    N_("Office documents are not supported. Export the document as PDF."),
)
NESTED_ARCHIVE = Refusal(
    ImageRefusal.UNSUPPORTED_TYPE,
    N_("A zip file is not opened here. Unpack it and add the pictures themselves."),
)
TOO_LARGE_BYTES = Refusal(
    ImageRefusal.TOO_LARGE_BYTES,
    N_("The file is larger than {limit_mb} MB. Make it smaller or split it."),
)
TOO_MANY_PIXELS = Refusal(
    ImageRefusal.TOO_MANY_PIXELS,
    N_(
        "The picture claims {width_px}×{height_px} pixels ({megapixels} megapixels); the limits "
        "are {limit_megapixels} megapixels and {limit_side_px} pixels a side. Make it smaller."
    ),
)
TOO_SMALL = Refusal(
    ImageRefusal.TOO_SMALL,
    N_(
        "The picture has {width_px}×{height_px} pixels; each side needs at least {limit_px}. "
        "Use a larger one."
    ),
)
DAMAGED = Refusal(
    ImageRefusal.DAMAGED,
    N_("This {type} file is damaged. Export it again, or save it as PNG or JPEG."),
)
TEXT_MODE = Refusal(
    ImageRefusal.DAMAGED,
    N_("This PNG was damaged in transfer (copied as text). Send it again as a binary file."),
)
NO_PICTURE = Refusal(
    ImageRefusal.DAMAGED,
    N_("There is no picture left in this {type} file. Send it again."),
)
TOO_MANY_SCANS = Refusal(
    ImageRefusal.TOO_SLOW,
    N_(
        "This JPEG redraws itself {scans} times; at most {limit} are accepted. "
        "Open it in an image editor and save it again."
    ),
)
TOO_SLOW = Refusal(
    ImageRefusal.TOO_SLOW,
    N_("Reading this file took too long and was stopped. Save it again as a plain JPEG or PNG."),
)
TOO_MUCH_MEMORY = Refusal(
    ImageRefusal.TOO_MUCH_MEMORY,
    N_("Reading this file needs too much memory. Make it smaller, or save it as JPEG or PNG."),
)
DECODER_STOPPED = Refusal(
    ImageRefusal.DAMAGED,
    N_("The file made the decoder stop. It is probably damaged: save it again as JPEG or PNG."),
)
PASSWORD = Refusal(
    ImageRefusal.PASSWORD,
    N_("This PDF is protected by a password. Remove the password and add it again."),
)
LOCKED_ARCHIVE = Refusal(
    ImageRefusal.PASSWORD,
    N_("This zip entry is protected by a password. Unpack it and add the pictures themselves."),
)
NO_SUCH_PAGE = Refusal(
    ImageRefusal.NOT_FOUND, N_("There is no page {page}: the PDF has {total} pages.")
)
TOO_MANY_PAGES = Refusal(
    ImageRefusal.TOO_MANY_PAGES,
    N_("Page {page} is beyond the limit of {limit} pages. Split the PDF."),
)
UNDRAWABLE_PAGE = Refusal(
    ImageRefusal.DAMAGED,
    N_("Page {page} of this PDF could not be drawn. Print it to a new PDF, or use a screenshot."),
)
BAD_ARCHIVE = Refusal(
    ImageRefusal.DAMAGED, N_("This zip file is damaged or of an unusual kind. Pack it again.")
)
ARCHIVE_ENTRIES = Refusal(
    ImageRefusal.TOO_LARGE_BYTES,
    N_("The zip file holds more than {limit} entries. Split it."),
)
ARCHIVE_TOTAL = Refusal(
    ImageRefusal.TOO_LARGE_BYTES,
    N_("The zip file unpacks to more than {limit_mb} MB; the rest was not read. Split it."),
)
ARCHIVE_RATIO = Refusal(
    ImageRefusal.TOO_LARGE_BYTES,
    N_("This zip entry unpacks to more than {limit} times its size and was not read."),
)
NOT_FOUND = Refusal(ImageRefusal.NOT_FOUND, N_("The file does not exist or cannot be read."))
LINKED = Refusal(
    ImageRefusal.NOT_FOUND, N_("This is a link to another place, and links are not followed.")
)
ADDRESS_FORM = Refusal(
    ImageRefusal.FETCH_REFUSED,
    N_(
        "Only plain http:// and https:// addresses are fetched, without user names, control "
        "characters or unusual ports. Copy the address of the picture itself."
    ),
)
PRIVATE_ADDRESS = Refusal(
    ImageRefusal.FETCH_REFUSED,
    N_(
        "{host} is on a private or reserved network and is not fetched. "
        "Download the file yourself and add it."
    ),
)
UNKNOWN_HOST = Refusal(
    ImageRefusal.FETCH_FAILED, N_("The host {host} is unknown. Check the address.")
)
TOO_MANY_REDIRECTS = Refusal(
    ImageRefusal.FETCH_FAILED,
    N_("The address sends on more than {limit} times. Copy the address of the picture itself."),
)
BAD_STATUS = Refusal(
    ImageRefusal.FETCH_FAILED,
    N_("The server {host} answered {status} instead of the file. Check the address."),
)
FETCH_SLOW = Refusal(
    ImageRefusal.FETCH_FAILED,
    N_("The file did not arrive within {limit_s} seconds. Download it yourself and add it."),
)
FETCH_BROKEN = Refusal(
    ImageRefusal.FETCH_FAILED,
    N_("The connection to {host} failed. Try again, or download the file yourself and add it."),
)

REFUSALS = {item.template: item for item in tuple(globals().values()) if isinstance(item, Refusal)}

TURNED = Note(N_("Turned upright as the camera's orientation tag says."))
RESIZED = Note(N_("Resized from {from_px} to {to_px} pixels, the size that the model sees."))
FLATTENED = Note(N_("Transparent parts were put on white."))
RANGE = Note(N_("Brightness scaled from the range {low} to {high}."))
FRAME = Note(N_("Only picture 1 of {total} in this file is used."))
FRAME_OF_MANY = Note(N_("Only picture 1 of more than {total} in this file is used."))
CUT_OFF = Note(N_("The file is cut off: only the part that arrived is shown."))
COLOURS = Note(N_("Colours converted to sRGB."))
DRAWN = Note(N_("Drawn at {px} pixels, the size that the model sees."))
PAGE_TEXT = Note(N_("The page's own text is sent along, {count} characters."))
PAGE = Note(N_("Page {page} of {total}."))

NOTES = {item.template: item for item in tuple(globals().values()) if isinstance(item, Note)}

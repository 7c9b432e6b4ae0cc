"""Turn a picture file into an upright picture of the wanted size. Runs in the child only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO

from PIL import (
    AvifImagePlugin,  # noqa: F401 - the plugins are named so that Pillow loads no others
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,
    WebPImagePlugin,  # noqa: F401
)

from core.errors import ImageError
from core.images import containers, messages
from core.images.limits import DecodeLimits
from core.images.pixels import extrema, simplify
from core.images.sniff import Kind
from core.phrases import Phrase
from core.tokens import Size

ChooseSize = Callable[[Size], Size]
"""From the upright size of a picture to the size to make, which is never larger."""

_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FIRST_SWAPPED = 5  # from here on width and height change places
_PLUGINS = {Kind.HEIC: "HEIF"}  # the others are called as we call them, in upper case
_PNG_ORIENTATION = (b"eXIf", b"Raw profile type exif", b"XML:com.adobe.xmp")

Image.MAX_IMAGE_PIXELS = None  # ours is stricter, and an error where Pillow only warns


@dataclass(frozen=True, slots=True)
class Raster:
    """A picture to encode (mode L, RGB or YCbCr), what it was and what was done to it."""

    image: Image.Image
    original: Size
    notes: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class RasterInfo:
    """What the header says: the upright size and the number of pictures in the file."""

    size: Size
    frames: int


def read_info(data: bytes, kind: Kind, limits: DecodeLimits) -> RasterInfo:
    """Read the header only, if the format allows it.

    Raises:
        ImageError: If the picture would be refused.
    """
    with _open(data, kind, limits) as image:
        may_be_turned = kind is not Kind.PNG or any(mark in data for mark in _PNG_ORIENTATION)
        turn = _orientation(image) if may_be_turned else 1
        return RasterInfo(_upright(image, turn), _count_frames(image, data, kind))


def read_raster(data: bytes, kind: Kind, limits: DecodeLimits, choose: ChooseSize) -> Raster:
    """Decode the first picture of a file at about the size that is wanted.

    Raises:
        ImageError: If it is refused or too damaged to use.
    """
    image, original, cut_off = _load(data, kind, limits, choose)
    with image:
        frames = _count_frames(image, data, kind)
        turn = _orientation(image)
        target = choose(original)
        notes = [*_frame_notes(frames)]
        if cut_off or (kind is Kind.PNG and _rows_missing(image, data)):
            notes.append(messages.CUT_OFF.phrase())
        small, more = simplify(image, _swap(target, turn))
    if turn in _TURNS:
        small = small.transpose(_TURNS[turn])
        more.append(messages.TURNED.phrase())
    if target != original:
        more.append(_resized_note(original, target))
    return Raster(small, original, (*notes, *more))


def check_size(size: Size, limits: DecodeLimits) -> None:
    """Refuse what is too large to be decoded safely or too small to show anything.

    Raises:
        ImageError: With the size in its detail.
    """
    width, height = size.width_px, size.height_px
    if max(width, height) > limits.max_side_px or width * height > limits.max_pixels:
        raise messages.TOO_MANY_PIXELS.error(
            width_px=width,
            height_px=height,
            megapixels=round(width * height / 1e6, 1),
            limit_megapixels=limits.max_pixels // 1_000_000,
            limit_side_px=limits.max_side_px,
        )
    if min(width, height) < limits.min_side_px:
        raise messages.TOO_SMALL.error(
            width_px=width, height_px=height, limit_px=limits.min_side_px
        )


def _resized_note(original: Size, target: Size) -> Phrase:
    """Say from what to what a picture was made smaller."""
    return messages.RESIZED.phrase(
        from_px=f"{original.width_px}×{original.height_px}",
        to_px=f"{target.width_px}×{target.height_px}",
    )


def _open(data: bytes, kind: Kind, limits: DecodeLimits) -> ImageFile.ImageFile:
    """Open a file of a known kind and check what its header claims."""
    if kind is Kind.WEBP and (canvas := containers.webp_canvas(data)):
        check_size(Size(*canvas), limits)
    if kind is Kind.JPEG and (scans := containers.jpeg_scans(data)) > limits.max_jpeg_scans:
        raise messages.TOO_MANY_SCANS.error(scans=scans, limit=limits.max_jpeg_scans)
    if kind is Kind.HEIC:
        _enable_heic()
    try:
        image = Image.open(BytesIO(data), formats=[_PLUGINS.get(kind, kind.upper())])
    except MemoryError:
        raise
    except Exception as error:  # plugins raise anything on damage; the cause stays attached
        raise messages.DAMAGED.error(type=kind) from error
    check_size(Size(*image.size), limits)
    return image


def _enable_heic() -> None:
    """Load libheif, only here and only for HEIC files."""
    if find_spec("pillow_heif") is None:
        raise messages.HEIC_MISSING.error()
    import pillow_heif

    pillow_heif.register_heif_opener()


def _load(
    data: bytes, kind: Kind, limits: DecodeLimits, choose: ChooseSize
) -> tuple[ImageFile.ImageFile, Size, bool]:
    """Return the decoded picture, its upright size, and whether only its beginning was there."""
    try:
        return *_decode(data, kind, limits, choose), False
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # decoders raise anything on damage; the cause stays attached
        if not containers.is_cut_off(data, kind):
            raise messages.DAMAGED.error(type=kind) from error
    with _truncated_allowed():
        return *_decode_beginning(data, kind, limits, choose), True


def _decode(
    data: bytes, kind: Kind, limits: DecodeLimits, choose: ChooseSize
) -> tuple[ImageFile.ImageFile, Size]:
    image = _open(data, kind, limits)
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        turn = _orientation(image)
        original = _upright(image, turn)
        target = _swap(choose(original), turn)
        # Asked for the target itself the decoder halves in the frequency domain; asked for twice
        # the target, as is often advised, it does nothing for a 4000 px photo.
        mode = "YCbCr" if target != _swap(original, turn) and _stores_brightness(image) else None
        image.draft(mode, (target.width_px, target.height_px))
        image.load()
        return image, original
    image.load()
    return image, _upright(image, _orientation(image))


def _stores_brightness(image: JpegImagePlugin.JpegImageFile) -> bool:
    """Say whether a JPEG is stored as brightness and two colours, by the decoder's own rules."""
    if "jfif" in image.info:
        return True
    if "adobe_transform" in image.info:
        return bool(image.info["adobe_transform"] == 1)
    return [layer[0] for layer in image.layer] != list(b"RGB")


def _decode_beginning(
    data: bytes, kind: Kind, limits: DecodeLimits, choose: ChooseSize
) -> tuple[ImageFile.ImageFile, Size]:
    try:
        image, original = _decode(data, kind, limits, choose)
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # as above
        raise messages.NO_PICTURE.error(type=kind) from error
    if all(low == high for low, high in extrema(image)):
        raise messages.NO_PICTURE.error(type=kind)
    return image, original


@contextmanager
def _truncated_allowed() -> Iterator[None]:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def _rows_missing(image: Image.Image, data: bytes) -> bool:
    """Look for a PNG whose decoder ran out of rows without a word: they stay zero."""
    width, height = image.size
    last_row_empty = not image.crop((0, height - 1, width, height)).getbbox(alpha_only=False)
    return (last_row_empty or bool(image.info.get("interlace"))) and containers.png_misses_rows(
        data
    )


def _orientation(image: Image.Image) -> int:
    """Return the orientation tag, 1 to 8; unreadable metadata counts as upright."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return 1  # Pillow turns these itself, before and after loading
    try:
        turn = image.getexif().get(_ORIENTATION_TAG, 1)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - hostile or broken metadata must not cost the picture
        return 1
    return turn if turn in _TURNS else 1


def _upright(image: Image.Image, turn: int) -> Size:
    return _swap(Size(*image.size), turn)


def _swap(size: Size, turn: int) -> Size:
    return Size(size.height_px, size.width_px) if turn >= _FIRST_SWAPPED else size


def _count_frames(image: Image.Image, data: bytes, kind: Kind) -> int:
    counted = containers.count_frames(data, kind)
    return counted if counted is not None else int(getattr(image, "n_frames", 1))


def _frame_notes(frames: int) -> tuple[Phrase, ...]:
    if frames <= 1:
        return ()
    if frames > containers.MAX_COUNTED_FRAMES:
        return (messages.FRAME_OF_MANY.phrase(total=containers.MAX_COUNTED_FRAMES),)
    return (messages.FRAME.phrase(total=frames),)

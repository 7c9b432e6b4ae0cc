"""Bring pictures of any mode to eight bits, opaque, grey or in colour. Runs in the child only.

The picture is made small first and corrected after: the corrections cost less on fewer pixels.
"""

from contextlib import suppress
from io import BytesIO
from math import isfinite

from PIL import Image, ImageMath, PngImagePlugin

from core.images import messages
from core.phrases import Phrase
from core.tokens import Size


def simplify(image: Image.Image, target: Size) -> tuple[Image.Image, list[Phrase]]:
    """Bring a picture of any mode to L, RGB or YCbCr at the wanted size."""
    profile, notes = image.info.get("icc_profile"), list[Phrase]()
    image, range_note = _eight_bits(image)
    if range_note:
        notes.append(range_note)
    small = _resize(_resizable(image), target)
    small, was_transparent = _opaque(small)
    if was_transparent:
        notes.append(messages.FLATTENED.phrase())
    small, converted = _to_srgb(small, profile)
    if converted:
        notes.append(messages.COLOURS.phrase())
    return small, notes


def extrema(image: Image.Image) -> list[tuple[float, float]]:
    """Return the lowest and highest value of each band."""
    extrema = image.convert("I" if image.mode.startswith("I;16") else image.mode).getextrema()
    return [extrema] if isinstance(extrema[0], int | float) else list(extrema)


def _eight_bits(image: Image.Image) -> tuple[Image.Image, Phrase | None]:
    """Scale 16-bit, 32-bit and floating-point grey by its range; Pillow would clip it."""
    if not image.mode.startswith(("I", "F")):
        return image, None
    clear = image.info.get("transparency")
    deep = image if image.mode in ("I;16", "F") else image.convert("I")
    low, high = _value_range(deep)
    factor = 255.0 / (high - low)
    grey = deep.point(lambda value: value * factor - low * factor).convert("L")
    if isinstance(clear, int):
        visible = ImageMath.lambda_eval(
            lambda args: args["convert"](args["value"] != clear, "L"), value=deep.convert("I")
        )
        grey = Image.merge("LA", (grey, visible.point(lambda seen: 255 if seen else 0)))
    return grey, messages.RANGE.phrase(low=f"{low:.6g}", high=f"{high:.6g}")


def _value_range(image: Image.Image) -> tuple[float, float]:
    """Return what black and white mean: a usual full scale if the values fit one, else theirs."""
    ((low, high),) = extrema(image)
    if not (isfinite(low) and isfinite(high)):
        return 0.0, 1.0
    scales: tuple[float, ...] = (
        (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 4095.0, 65535.0)
    )
    if isinstance(image, PngImagePlugin.PngImageFile):
        scales = (65535.0,)  # the format says what white is
    for white in scales:
        if low >= 0 and high <= white:
            return 0.0, white
    return low, high if high > low else low + 1


def _resizable(image: Image.Image) -> Image.Image:
    """Change modes whose values cannot be averaged, or whose transparency is one marked colour."""
    match image.mode, "transparency" in image.info:
        case ("P", False) | ("LAB", _) | ("HSV", _) | ("RGBX", _):
            return image.convert("RGB")
        case ("P", True) | ("PA", _) | ("RGBa", _) | ("RGB", True):
            return image.convert("RGBA")
        case ("La", _) | ("L", True):
            return image.convert("LA")
        case ("1", True):
            return image.convert("RGBA")
        case ("1", False):
            return image.convert("L")
    return image


def _resize(image: Image.Image, target: Size) -> Image.Image:
    size = (target.width_px, target.height_px)
    if image.size == size:
        return image
    if image.mode != "YCbCr":
        return image.resize(size, Image.Resampling.LANCZOS)
    # JPEG keeps colours at half the sharpness of brightness: the cheapest filter loses nothing.
    brightness, *colours = image.split()
    bands = [band.resize(size, Image.Resampling.BOX) for band in colours]
    return Image.merge("YCbCr", (brightness.resize(size, Image.Resampling.LANCZOS), *bands))


def _opaque(image: Image.Image) -> tuple[Image.Image, bool]:
    """Put transparent parts on white and say whether there were any."""
    if image.mode not in ("LA", "RGBA"):
        return image, False
    alpha = image.getchannel("A")
    colours = image.convert(image.mode[:-1])
    if alpha.getextrema() == (255, 255):
        return colours, False
    white = Image.new(colours.mode, image.size, "white")
    white.paste(colours, mask=alpha)
    return white, True


def _to_srgb(image: Image.Image, profile: object) -> tuple[Image.Image, bool]:
    """Convert colours by the embedded profile; a broken one is ignored, as viewers do."""
    if image.mode == "L":
        return image, False
    if image.mode == "YCbCr" and not profile:
        return image, False  # the encoder takes it as it is
    if image.mode == "YCbCr":
        image = image.convert("RGB")
    if isinstance(profile, bytes) and profile and b"sRGB" not in profile:
        from PIL import ImageCms

        with suppress(ImageCms.PyCMSError, OSError, ValueError):
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(
                image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            if converted is not None:
                return converted, True
    return image.convert("RGB"), False

"""Small files that make naive readers eat memory, never end, or read what they should not."""

import io
import struct
import zipfile
import zlib

from PIL import Image


def encoded(image, format_, **options):
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def chunk(name, content):
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


def png(width, height, *, depth=8, colour=0, pixels=b"", before=b""):
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", head) + before + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def zeros(count):
    """A zlib stream of `count` zero bytes, made without holding them."""
    packer = zlib.compressobj(9)
    block = bytes(1 << 20)
    sizes = (min(len(block), count - at) for at in range(0, count, len(block)))
    pieces = [packer.compress(block[:size]) for size in sizes]
    return b"".join(pieces) + packer.flush()


def webp_flood():
    """An extended WebP that claims 16384x16384: opening it would allocate 2 GB."""
    small = encoded(Image.new("RGB", (16, 16)), "WEBP", lossless=True)
    canvas = struct.pack("<I", 16_383)[:3] * 2
    body = b"WEBP" + b"VP8X" + struct.pack("<IB3x", 10, 0) + canvas + small[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_lossless_flood():
    small = bytearray(encoded(Image.new("RGB", (16, 16)), "WEBP", lossless=True))
    struct.pack_into("<I", small, 21, 0x0FFFFFFF)
    return bytes(small)


def avif_flood():
    small = bytearray(encoded(Image.new("RGB", (16, 16)), "AVIF"))
    struct.pack_into(">II", small, small.index(b"ispe") + 8, 16_000, 16_000)
    return bytes(small)


def many_scans(scans, size=(64, 64)):
    """A progressive JPEG that repeats its last scan: each costs a pass over all pixels."""
    image = Image.effect_noise(size, 80).convert("RGB")
    jpeg = encoded(image, "JPEG", progressive=True, quality=95)
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:last] + jpeg[last:-2] * scans + b"\xff\xd9"


def gif(width, height, frames):
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\0"
    return head + frame * frames + b";"


def cyclic_tiff():
    """A TIFF whose directory names itself as the next one."""
    tiff = bytearray(encoded(Image.new("L", (16, 16), 99), "TIFF"))
    (first,) = struct.unpack_from("<I", tiff, 4)
    (entries,) = struct.unpack_from("<H", tiff, first)
    struct.pack_into("<I", tiff, first + 2 + 12 * entries, first)
    return bytes(tiff)


def pdf(*objects):
    body = b"%PDF-1.7\n"
    for number, content in enumerate(objects, start=1):
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    return body + b"trailer\n<< /Root 1 0 R /Size %d >>\n%%%%EOF\n" % (len(objects) + 1)


CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R >>"


def pages(count=1, media=b"[0 0 200 200]", extra=b""):
    tree = b"<< /Type /Pages /Kids [3 0 R] /Count %d >>" % count
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox %s /Contents 4 0 R %s >>" % (media, extra)
    return CATALOGUE, tree, page


def stream(content, entries=b""):
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), entries, content)


def pdf_forms(depth=12, fan_out=12):
    """Forms that each draw the next one several times: fan_out to the power of depth drawings."""
    forms = []
    for level in range(depth):
        following = b"/Resources << /XObject << /F %d 0 R >> >>" % (6 + level)
        entries = b"/Type /XObject /Subtype /Form /BBox [0 0 200 200] " + following
        forms.append(stream(b"/F Do " * fan_out, entries))
    forms.append(stream(b"0 0 9 9 re f", b"/Type /XObject /Subtype /Form /BBox [0 0 200 200]"))
    first = b"/Resources << /XObject << /F 5 0 R >> >>"
    return pdf(*pages(extra=first), stream(b"/F Do"), *forms)


def pdf_content(millions=8):
    """A compressed content stream of many million drawing operations."""
    packer = zlib.compressobj(9)
    block = b"0 0 m 9 9 l S\n" * 100_000
    packed = b"".join(packer.compress(block) for _ in range(millions * 10)) + packer.flush()
    return pdf(*pages(), stream(packed, b"/Filter /FlateDecode"))


def packed(*entries, compression=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def symlink_zip():
    entry = zipfile.ZipInfo("link.png")
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    return packed((entry, "/etc/passwd"))


def lying_zip():
    """An entry whose directory says that it is short."""
    data = bytearray(packed(("a.png", bytes(100_000))))
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 10)
    return bytes(data)


def overlapping_zip(times=500):
    """Many directory entries that all point at the same compressed bytes."""
    data = packed(("a.png", zeros_like_text(1_000_000)))
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = data[start:end]
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, times, times, len(entry) * times, start, 0)
    return data[:start] + entry * times + tail


def zeros_like_text(count):
    """Bytes that pack well but not absurdly well."""
    return b"".join(b"%09d" % number for number in range(count // 9))


def crowded_zip(entries=100_000):
    """A directory of many empty entries."""
    local = packed(("a.png", b""))
    start, end = local.index(b"PK\x01\x02"), local.index(b"PK\x05\x06")
    entry, head = local[start:end], b"PK\x05\x06"
    tail = struct.pack("<4s4H2IH", head, 0, 0, 0xFFFF, 0xFFFF, len(entry) * entries, start, 0)
    return local[:start] + entry * entries + tail


FLOODS = {
    "webp canvas": webp_flood,
    "webp lossless": webp_lossless_flood,
    "avif": avif_flood,
    "png one column": lambda: png(1, 50_000_000, pixels=zeros(100)),
    "png giant": lambda: png(2**31 - 1, 2**31 - 1, pixels=zeros(100)),
    "gif canvas": lambda: gif(65_535, 65_535, 1),
    "gif many large frames": lambda: gif(8000, 8000, 50_000),
}
"""Each claims more pixels than are accepted."""

TRAPS = {
    "png huge chunk": lambda: png(16, 16)[:33] + struct.pack(">I", 2**31 - 1) + b"IDAT" + b"x" * 9,
    "png profile bomb": lambda: png(16, 16, before=chunk(b"iCCP", b"p\0\0" + zeros(1 << 27))),
    "png text bomb": lambda: png(16, 16, before=chunk(b"zTXt", b"t\0\0" + zeros(1 << 27))),
    "png no pixels": lambda: png(16, 16),
    "pdf forms": pdf_forms,
    "pdf content": pdf_content,
    "pdf page of no size": lambda: pdf(*pages(media=b"[0 0 0 0]"), stream(b"")),
}
"""Each must end in a code or a picture, in bounded time and memory."""

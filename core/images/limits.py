"""Every limit on what may be decoded, in one place."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """How much one source may cost before it is refused.

    The largest harmless picture known to us needs 406 MiB and 1.3 CPU seconds; a hostile one of
    2 KB needs several GiB or never ends. CPU seconds bind; the wall time is for a busy machine.
    """

    max_pixels: int = 50_000_000
    min_side_px: int = 8
    max_side_px: int = 20_000
    max_jpeg_scans: int = 100
    max_memory_bytes: int = 1024 * MIB
    max_cpu_s: int = 10
    max_wall_s: float = 20.0
    max_image_bytes: int = 25 * MIB
    max_document_bytes: int = 100 * MIB
    max_pages: int = 50
    max_text_bytes: int = 100_000
    """Of the text that a PDF page carries itself."""
    max_archive_bytes: int = 500 * MIB
    """Of the zip file, and of all that is unpacked from it, counted as it is read."""
    max_archive_entries: int = 2000
    max_archive_ratio: int = 200

"""The decoder's child process: reads jobs from stdin, writes answers to stdout, until stdin ends.

Run as `python -m core.images.worker [SHELF]`; SHELF is the descriptor of a file that holds the
raw bytes of a job if there are many, which otherwise follow it. Whatever libraries print goes to
stderr, which the parent keeps for its log. It imports only what every job needs, to start fast;
pdfium, libheif and colour management are loaded by the first job that asks.
"""

import json
import os
import sys
import traceback
import warnings
from contextlib import suppress
from typing import BinaryIO

from core.errors import ImageError
from core.images import messages, wire
from core.images.encode import encode
from core.images.raster import Raster, read_info, read_raster
from core.images.sniff import Kind, identify
from core.images.wire import Frame, ImageInfo, Job, Wish
from core.tokens import Size, sent_size
from core.types import PreparedImage

try:
    import resource
except ImportError:  # not on Windows: there the wall time alone protects
    resource = None  # type: ignore[assignment]


def main() -> None:
    """Answer jobs one after the other."""
    shelf = int(sys.argv[1]) if len(sys.argv) > 1 else None
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not break the frames
    warnings.simplefilter("ignore")
    with answers, os.fdopen(0, "rb", closefd=False) as jobs:
        while frame := _read_frame(jobs, shelf):
            answer = _answer(frame)
            answers.write(answer.pack())
            answers.write(answer.data)
            answers.flush()


def _read_frame(jobs: BinaryIO, shelf: int | None) -> Frame | None:
    lengths = jobs.read(wire.LENGTHS.size)
    if len(lengths) < wire.LENGTHS.size:
        return None  # the parent closed the pipe or died
    header_bytes, data_bytes = wire.LENGTHS.unpack(lengths)
    header = json.loads(jobs.read(header_bytes))
    if shelf is None or data_bytes < wire.SHELF_FROM_BYTES:
        return Frame(header, jobs.read(data_bytes))
    return Frame(header, os.pread(shelf, data_bytes, 0))


def _answer(frame: Frame) -> Frame:
    try:
        job = wire.job_from_json(frame.header)
        _limit(job)
        return _WORK[job.wish](job, frame.data)
    except ImageError as error:
        return wire.refusal_to_frame(error)
    except MemoryError:
        return wire.refusal_to_frame(messages.TOO_MUCH_MEMORY.error())
    except Exception:  # noqa: BLE001 - libraries raise anything on bad files, and the loop goes on
        traceback.print_exc()
        return wire.refusal_to_frame(messages.DECODER_STOPPED.error())


def _limit(job: Job) -> None:
    """Bound memory, and the processor time of this job: the system counts from the start."""
    if resource is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = int(used.ru_utime + used.ru_stime) + job.limits.max_cpu_s
    for limit, soft in (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_AS, job.limits.max_memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        with suppress(ValueError, OSError):  # macOS knows no limit on memory
            resource.setrlimit(limit, (soft, hard))


def _probe(job: Job, data: bytes) -> Frame:
    kind = identify(data)
    if kind is Kind.PDF:
        from core.images import document

        page = document.look_at_page(data, job.page or 0, job.limits)
        size, pages, text = page.size, page.pages, page.text
        info = ImageInfo(kind, size.width_px, size.height_px, pages=pages, text_layer=text)
    else:
        found = read_info(data, kind, job.limits)
        info = ImageInfo(kind, found.size.width_px, found.size.height_px, frames=found.frames)
    return wire.info_to_frame(info)


def _prepare(job: Job, data: bytes) -> Frame:
    kind, text = identify(data), None
    if kind is Kind.PDF:
        from core.images import document

        page = document.read_page(data, job.page or 0, job.limits, lambda size: _target(size, job))
        raster, text = page.raster, page.text
    else:
        raster = read_raster(data, kind, job.limits, lambda size: _target(size, job))
    return wire.prepared_to_frame(_finish(raster, kind, text))


def _count_pages(_: Job, data: bytes) -> Frame:
    from core.images import document

    return Frame({"pages": document.count_pages(data)})


_WORK = {Wish.PREPARE: _prepare, Wish.PROBE: _probe, Wish.COUNT_PAGES: _count_pages}


def _finish(raster: Raster, kind: Kind, text: str | None) -> PreparedImage:
    encoded = encode(raster.image)
    return PreparedImage(
        data=encoded.data,
        media_type=encoded.media_type,
        width_px=raster.image.width,
        height_px=raster.image.height,
        original_format=kind,
        original_width_px=raster.original.width_px,
        original_height_px=raster.original.height_px,
        notes=raster.notes,
        text_layer=text,
        ink=encoded.ink,
    )


def _target(original: Size, job: Job) -> Size:
    """Return the size to make: what the model sees, within what the person allowed."""
    assert job.rule is not None  # noqa: S101 - the parent always sends one to prepare
    return sent_size(original.width_px, original.height_px, job.rule, job.detail, job.max_size)


if __name__ == "__main__":
    main()

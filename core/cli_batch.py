"""`python -m core batch`: the same batches as on the page, from the command line."""

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from core.batch import BatchProgress, BatchState, ExportFormat, JobLane
from core.batch.types import PRIORITIES, USUAL_PRIORITY
from core.cli_analyze import ask_options, asked_about
from core.cli_arguments import add_json, add_question, at_once, coming_moment, positive
from core.cli_arguments import usd as usd_amount
from core.cli_batch_text import batch_json, description, overview, prices, ready
from core.cli_output import (
    EXIT_BAD_USAGE,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_SOME_FAILED,
    EXIT_STOPPED,
    STOPPING_CODES,
    Console,
)
from core.cli_progress import interrupts, progress_bar
from core.errors import InputNotUsableError
from core.i18n import Language
from core.images.intake import Intake, IntakeItem
from core.images.manifest import ItemOverrides
from core.phrases import Phrase, Translate
from core.runs import Question
from core.settings import Settings
from core.types import ImageSource
from core.workbench import Workbench

_LOOK_EVERY_S: Final = 0.25
_MOST_LISTED: Final = 10_000
_INTERRUPTED: Final = Phrase("The command that worked on this batch was interrupted.")


def batch(arguments: Namespace, settings: Settings, language: Language, console: Console) -> int:
    """Run one of the commands about batches and return its exit code."""
    chosen = {
        "max_concurrent_requests": getattr(arguments, "concurrency", None),
        "rate_limit_rpm": getattr(arguments, "rpm", None),
        "rate_limit_tpm": getattr(arguments, "tpm", None),
    }
    given = {name: value for name, value in chosen.items() if value is not None}
    own = settings.model_copy(update=given)

    async def work() -> int:
        bench = Workbench.open(own)
        try:
            command = _Command(bench, arguments, language, console)
            return await command.named(arguments.batch_command)()
        finally:
            await bench.close()

    return asyncio.run(work())


class _Command:
    def __init__(
        self, bench: Workbench, arguments: Namespace, language: Language, console: Console
    ) -> None:
        self._bench = bench
        self._batches = bench.batches
        self._arguments = arguments
        self._language = language
        self._console = console

    def named(self, name: str) -> Callable[[], Awaitable[int]]:
        """Return what the command of that name does."""
        return {
            "run": self._run,
            "list": self._list,
            "show": self._show,
            "resume": self._resume,
            "retry": self._retry,
            "fetch": self._fetch,
            "cancel": self._cancel,
            "export": self._export,
        }[name]

    async def _run(self) -> int:
        given, console = self._arguments, self._console
        lane = JobLane(given.lane)
        if lane is not JobLane.REALTIME and (refusal := await self._batches.batch_lane_refusal()):
            raise InputNotUsableError(refusal)
        out = _export_kind(given.out) if given.out else None
        intake = Intake(self._bench.decoder)
        batch_id = await self._batches.create(
            ", ".join(given.source)[:200],
            _open_all(intake, given.source),
            self._question(),
            budget_usd=given.budget,
            priority=given.priority,
            lane=lane,
            ready_by=given.ready_by,
            language=self._language,
        )
        progress = self._known(batch_id)
        for each in self._batches.left_out(batch_id, limit=progress.left_out):
            console.progress(f"{each.name}: {each.why.translated(console.translate)}")
        if not progress.total:
            console.note(Phrase("There is no picture to ask about."))
            await self._batches.cancel(batch_id)
            self._report(self._known(batch_id))
            return EXIT_BAD_USAGE
        if not console.as_json:
            await self._say_price(batch_id, lane)
        code = await self._work(batch_id)
        if out:
            await asyncio.to_thread(self._write, batch_id, out, Path(given.out))
        return code

    async def _say_price(self, batch_id: str, lane: JobLane) -> None:
        quote = await self._batches.quote(batch_id)
        lines = [quote.summary, prices(quote)]
        if lane is not JobLane.REALTIME:  # the others are not asked whether they are there
            quotes = await self._batches.lane_quotes(batch_id, self._arguments.ready_by)
            lines.append(ready(lane, quotes.of(lane)))
        said = " ".join(line.translated(self._console.translate) for line in lines)
        self._console.progress(f"{batch_id}: {said}")

    def _question(self) -> Question:
        given = self._arguments
        given.no_cache = False
        asked = ask_options(given, self._bench.settings.model, self._language)
        request = asked_about(ImageSource("", b""), asked, ItemOverrides()).request
        return Question(
            task=request.task,
            prompt=request.prompt,
            system=request.system,
            model=request.model,
            detail=request.detail,
            sampling=request.sampling,
            schema=request.schema,
        )

    async def _resume(self) -> int:
        given = self._arguments
        progress = self._known(given.id)
        if given.budget is not None:
            await self._batches.set_limits(
                given.id, budget_usd=given.budget, max_items=progress.max_items
            )
        if given.priority is not None:
            await self._batches.set_priority(given.id, given.priority)
        return await self._work(given.id)

    async def _fetch(self) -> int:
        """Look at the jobs at the vendor now, and go on with what came of them."""
        await self._batches.fetch_now(self._arguments.id)
        self._report(self._known(self._arguments.id))
        return EXIT_OK

    async def _retry(self) -> int:
        given = self._arguments
        if not await self._batches.retry(given.id, given.code):
            self._console.note(Phrase("There is nothing to try again."))
            return self._report(self._known(given.id))
        return await self._work(given.id)

    async def _cancel(self) -> int:
        await self._batches.cancel(self._arguments.id)
        self._report(self._known(self._arguments.id))
        return EXIT_OK

    async def _list(self) -> int:
        found = await asyncio.to_thread(self._batches.list_batches, _MOST_LISTED)
        if self._console.as_json:
            self._console.document({"batches": [batch_json(each) for each in found]})
        elif found:
            self._console.text(overview(found, self._console.translate))
        else:
            self._console.note(Phrase("There are no batches yet."))
        return EXIT_OK

    async def _show(self) -> int:
        self._report(self._known(self._arguments.id))
        return EXIT_OK

    async def _export(self) -> int:
        given = self._arguments
        kind = _export_kind(given.out)
        self._known(given.id)
        await asyncio.to_thread(self._write, given.id, kind, Path(given.out))
        if self._console.as_json:
            self._console.document({"file": given.out})
        return EXIT_OK

    async def _work(self, batch_id: str) -> int:
        """Work on a batch until it ends or somebody interrupts, and report."""
        with interrupts() as interrupted:
            if not self._known(batch_id).state.is_final:
                await self._batches.start(batch_id)
            with progress_bar(self._console) as show:
                while (progress := self._known(batch_id)).state is BatchState.RUNNING:
                    show(progress)
                    if await _within(interrupted, _LOOK_EVERY_S):
                        await self._batches.pause(batch_id, _INTERRUPTED)
                show(progress)
            if interrupted.is_set():
                await self._batches.close()
                again = Phrase(
                    "Paused. Go on with: python -m core batch resume {id}", {"id": batch_id}
                )
                self._console.note(again)
            elif self._known(batch_id).state is BatchState.PAUSED:
                await self._batches.wait()
        code = self._report(self._known(batch_id))
        return EXIT_INTERRUPTED if interrupted.is_set() else code

    def _report(self, progress: BatchProgress) -> int:
        """Print how a batch stands and return the exit code that says it."""
        jobs = self._batches.jobs(progress.id)
        if self._console.as_json:
            self._console.document(batch_json(progress, jobs))
        else:
            self._console.text(description(progress, jobs, self._console.translate))
        return exit_code(progress)

    def _known(self, batch_id: str) -> BatchProgress:
        progress = self._batches.progress(batch_id)
        if progress is None:
            raise InputNotUsableError(Phrase("There is no batch {id}.", {"id": batch_id}))
        return progress

    def _write(self, batch_id: str, kind: ExportFormat, path: Path) -> None:
        """Write the file beside its place first, so that no half of one is ever there."""
        draft = path.with_name(f"{path.name}.part")
        try:
            with draft.open("wb") as file:
                held = getattr(self._arguments, "include_held", False)
                file.writelines(self._batches.export(batch_id, kind, include_held=held))
            draft.replace(path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            values = {"file": str(path), "problem": error.strerror or str(error)}
            raise InputNotUsableError(
                Phrase("{file} cannot be written: {problem}.", values)
            ) from error


def exit_code(progress: BatchProgress) -> int:
    """Return what the process ends with."""
    if progress.reason_code in STOPPING_CODES or progress.state is BatchState.PAUSED:
        return EXIT_STOPPED
    return EXIT_OK if progress.state is BatchState.SUCCEEDED else EXIT_SOME_FAILED


def add_batch(parser: ArgumentParser, _: Translate) -> None:
    """Describe the arguments of every command about batches."""
    commands = parser.add_subparsers(dest="batch_command", required=True)
    add = commands.add_parser
    _add_run(add("run", help=_("Ask about many pictures, and wait for the end.")), _)
    _finish(add("list", help=_("List batches, newest first.")), _)
    for name, words in (
        ("show", _("Say how a batch stands.")),
        ("fetch", _("Look at a batch's jobs at the vendor now.")),
        ("cancel", _("End a batch; its results are kept.")),
    ):
        _finish(add(name, help=words), _, takes_id=True)
    resume = add("resume", help=_("Go on with a batch, and wait for the end."))
    _add_limits(resume, _, priority=None)
    _finish(resume, _, takes_id=True)
    retry = add("retry", help=_("Try failed items again, and wait for the end."))
    retry.add_argument("--code", help=_("Only those that failed with this code."))
    _finish(retry, _, takes_id=True)
    export = add("export", help=_("Write the results to a file."))
    export.add_argument("--out", required=True, metavar="FILE", help=_("What to write."))
    export.add_argument(
        "--include-held",
        action="store_true",
        help=_("Write also answers that wait for a person to look at them."),
    )
    _finish(export, _, takes_id=True)


def _add_run(parser: ArgumentParser, _: Translate) -> None:
    add_question(parser, _)
    parser.add_argument(
        "--lane",
        choices=[lane.value for lane in JobLane],
        default="realtime",
        help=_("How it is served."),
    )
    parser.add_argument(
        "--ready-by",
        type=coming_moment,
        metavar="TIME",
        help=_("When the lane auto should be done: 18:00, or 2027-01-31T18:00."),
    )
    parser.add_argument("--concurrency", type=at_once, metavar="N", help=_("Calls at once."))
    parser.add_argument("--rpm", type=positive, metavar="N", help=_("Requests per minute."))
    parser.add_argument("--tpm", type=positive, metavar="N", help=_("Tokens per minute."))
    _add_limits(parser, _, priority=USUAL_PRIORITY)
    parser.add_argument("--out", metavar="FILE", help=_("Where to write the results at the end."))
    _finish(parser, _)


def _add_limits(parser: ArgumentParser, _: Translate, *, priority: int | None) -> None:
    parser.add_argument("--budget", type=usd_amount, metavar="USD", help=_("The most it may cost."))
    parser.add_argument(
        "--priority", type=int, choices=PRIORITIES, default=priority, help=_("5 is urgent.")
    )


def _finish(parser: ArgumentParser, _: Translate, *, takes_id: bool = False) -> None:
    if takes_id:
        parser.add_argument("id", metavar="ID", help=_("The batch."))
    add_json(parser, _)


def _export_kind(name: str) -> ExportFormat:
    suffix = Path(name).suffix.lower().removeprefix(".")
    try:
        return ExportFormat(suffix)
    except ValueError:
        known = ", ".join(f".{each}" for each in ExportFormat)
        raise InputNotUsableError(
            Phrase("{file} does not end in one of {known}.", {"file": name, "known": known})
        ) from None


async def _open_all(intake: Intake, specs: Sequence[str]) -> AsyncIterator[IntakeItem]:
    for spec in specs:
        async for item in intake.open(spec):
            yield item


async def _within(asked: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, but not longer than that; say whether it came."""
    try:
        async with asyncio.timeout(seconds):
            await asked.wait()
    except TimeoutError:
        return False
    return True

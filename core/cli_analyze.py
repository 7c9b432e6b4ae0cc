"""`python -m core analyze`: ask about every picture and print the answers in intake order."""

import asyncio
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from core.answer import failure_without_call
from core.cli_output import (
    EXIT_BAD_USAGE,
    EXIT_OK,
    EXIT_SOME_FAILED,
    EXIT_STOPPED,
    STOPPING_CODES,
    Console,
    usd,
)
from core.cli_text import item_text
from core.client import VisionClient
from core.course import FREE
from core.engines.openai import EMBEDDED_ENGINE
from core.errors import VisionError
from core.export import Estimate, ExportItem, explain, json_item, money
from core.i18n import Language
from core.images.intake import Accepted, Intake, Refused, Skipped
from core.images.manifest import ItemOverrides
from core.phrases import N_, Phrase, Translate
from core.review import hold_the_same
from core.tasks import Task, prompt_for, task
from core.types import (
    AnalysisRequest,
    Detail,
    Failure,
    ImageSource,
    Outcome,
    Success,
)

_HOPELESS: Final = frozenset({"API001", "API003"})
"""No key or no money: the next picture would meet the same, so it is not sent."""


@dataclass(frozen=True, slots=True)
class AskOptions:
    """What to ask about every picture; a manifest may say otherwise for single ones.

    Where nobody names a task, a prompt makes it a custom one.
    """

    task: str | None
    prompt: str | None
    model: str
    detail: Detail | None
    max_output_tokens: int | None
    use_cache: bool
    language: Language


@dataclass(frozen=True, slots=True)
class Asked:
    """One request on its way, with the task it came from."""

    task: Task
    request: AnalysisRequest


@dataclass(slots=True)
class Answers:
    """What came of everything, by position in the intake."""

    items: dict[int, ExportItem] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    hopeless: Failure | None = None

    @property
    def in_order(self) -> list[ExportItem]:
        """Return the items as they came in."""
        return [self.items[position] for position in sorted(self.items)]


class Analyzer:
    """Asks about many pictures at once, each failing alone."""

    def __init__(
        self,
        client: VisionClient,
        intake: Intake,
        options: AskOptions,
        console: Console,
        concurrency: int,
    ) -> None:
        self._client = client
        self._intake = intake
        self._options = options
        self._console = console
        self._slots = asyncio.Semaphore(concurrency)
        self._answers = Answers()

    async def run(self, specs: Sequence[str]) -> Answers:
        """Ask about everything behind the given paths and addresses."""
        position = 0
        async with asyncio.TaskGroup() as group:
            for spec in specs:
                async for item in self._intake.open(spec):
                    if isinstance(item, Skipped):
                        self._skip(item)
                        continue
                    await self._slots.acquire()  # so that few pictures are in memory at once
                    group.create_task(self._work(position, item))
                    position += 1
        items = self._answers.items
        for at, held in hold_the_same({at: item.outcome for at, item in items.items()}).items():
            items[at] = replace(items[at], outcome=held)
        return self._answers

    def _skip(self, item: Skipped) -> None:
        self._answers.skipped.append(item)
        self._console.progress(f"{item.name}: {item.why.translated(self._console.translate)}")

    async def _work(self, position: int, item: Accepted | Refused) -> None:
        try:
            answer = await self._answer(item)
        finally:
            self._slots.release()
        answer = replace(answer, id=item.overrides.id or str(position + 1))
        self._answers.items[position] = answer
        self._console.progress(_progress_line(position, answer, self._console.translate))

    async def _answer(self, item: Accepted | Refused) -> ExportItem:
        if isinstance(item, Refused):
            return self._exported(item.name, failure_without_call(item.error))
        try:
            asked = asked_about(item.source, self._options, item.overrides)
        except VisionError as error:  # a manifest names a task that does not exist
            return self._exported(item.source.name, failure_without_call(error))
        if self._answers.hopeless:
            return self._exported(item.source.name, self._answers.hopeless, asked)
        estimate = await self._estimate(asked.request)
        outcome = await self._client.analyze(asked.request, front_end="cli")
        if isinstance(outcome, Failure) and outcome.code in _HOPELESS:
            self._answers.hopeless = replace(
                outcome, attempts=0, latency_s=0.0, cost=FREE, usage=None, partial_text=""
            )
        return self._exported(item.source.name, outcome, asked, estimate)

    def _exported(
        self,
        name: str,
        outcome: Outcome,
        asked: Asked | None = None,
        estimate: Estimate = Estimate(),  # noqa: B008 - frozen
    ) -> ExportItem:
        return ExportItem(
            id="",
            source=name,
            outcome=outcome,
            model=self._options.model,
            detail=asked.request.detail if asked else self._options.detail or Detail.HIGH,
            estimate=estimate,
            disclaimer=asked.task.disclaimer if asked else None,
        )

    async def _estimate(self, request: AnalysisRequest) -> Estimate:
        """Return what the request is expected to cost; unknown where that cannot be told."""
        if self._client.engine.name == EMBEDDED_ENGINE:  # its cost does not depend on tokens
            return Estimate()
        try:
            quote = await self._client.quote(request)
        except VisionError:  # the answer will say what is wrong with the picture
            return Estimate()
        return Estimate(
            quote.image_tokens.expected if quote.image_tokens else None,
            quote.input_tokens.expected if quote.input_tokens else None,
            quote.realtime.expected if quote.realtime else None,
        )


def ask_options(arguments: Namespace, model: str, language: Language) -> AskOptions:
    """Return what the arguments ask.

    Raises:
        InputNotUsableError: For a custom task without a prompt.
    """
    options = AskOptions(
        task=arguments.task,
        prompt=arguments.prompt,
        model=arguments.model or model,
        detail=Detail(arguments.detail) if arguments.detail else None,
        max_output_tokens=arguments.max_output_tokens,
        use_cache=not arguments.no_cache,
        language=language,
    )
    asked_about(ImageSource("", b""), options, ItemOverrides())  # speaks up before the first file
    return options


def asked_about(source: ImageSource, options: AskOptions, overrides: ItemOverrides) -> Asked:
    """Return the request about one picture.

    Raises:
        InputNotUsableError: If a manifest names a task that does not exist or cannot be asked.
    """
    own_prompt = overrides.prompt or (None if overrides.task else options.prompt)
    usual = "custom" if own_prompt else "describe"
    chosen = task(overrides.task or options.task or usual)
    system, prompt = prompt_for(chosen, options.language, own_prompt)
    limit = overrides.max_output_tokens or options.max_output_tokens
    return Asked(
        chosen,
        AnalysisRequest(
            source=source,
            task=chosen.name,
            prompt=prompt,
            system=system,
            model=options.model,
            detail=overrides.detail or options.detail or chosen.detail,
            sampling=replace(chosen.sampling, max_output_tokens=limit)
            if limit
            else chosen.sampling,
            schema=chosen.schema,
            use_cache=options.use_cache,
        ),
    )


def show(answers: Answers, console: Console) -> int:
    """Print everything and return the exit code."""
    items, translate = answers.in_order, console.translate
    if console.as_json:
        document: dict[str, Any] = {
            "items": [json_item(item, translate) for item in items],
            "totals": totals(items),
        }
        if answers.skipped:
            document["skipped"] = [
                {"source": each.name, "reason": each.why.translated(translate)}
                for each in answers.skipped
            ]
        console.document(document)
    elif items:
        for item in items:
            console.text(item_text(item, translate))
        console.text(_summary(items, translate))
    else:
        console.note(Phrase("There is no picture to ask about."))
    return exit_code(items)


def totals(items: Sequence[ExportItem]) -> dict[str, Any]:
    """Return the sums over all items; unknown costs are counted apart and never as 0."""
    outcomes = [item.outcome for item in items]
    usages = [outcome.usage for outcome in outcomes if outcome.usage and not _cached(outcome)]
    known = [outcome.cost.usd for outcome in outcomes if outcome.cost.usd is not None]
    return {
        "items": len(items),
        "succeeded": sum(isinstance(outcome, Success) for outcome in outcomes),
        "failed": sum(isinstance(outcome, Failure) for outcome in outcomes),
        "held": sum(isinstance(outcome, Success) and bool(outcome.held) for outcome in outcomes),
        "cached": sum(map(_cached, outcomes)),
        "input_tokens": sum(usage.input_tokens for usage in usages),
        "output_tokens": sum(usage.output_tokens for usage in usages),
        "cost_usd": money(sum(known, Decimal(0))),
        "unknown_costs": len(outcomes) - len(known),
        "saved_usd": money(
            sum((getattr(o, "saved_usd", None) or Decimal(0) for o in outcomes), Decimal(0))
        ),
    }


def exit_code(items: Sequence[ExportItem]) -> int:
    """Return what the process ends with."""
    failures = {item.outcome.code for item in items if isinstance(item.outcome, Failure)}
    if failures & STOPPING_CODES:
        return EXIT_STOPPED
    if not items:
        return EXIT_BAD_USAGE
    return EXIT_SOME_FAILED if failures else EXIT_OK


def _cached(outcome: Outcome) -> bool:
    return isinstance(outcome, Success) and outcome.cached


def _progress_line(position: int, item: ExportItem, translate: Translate) -> str:
    outcome = item.outcome
    if isinstance(outcome, Failure):
        message = explain(outcome.code, outcome.detail, translate).message
        return f"[{position + 1}] {item.source}: {outcome.code} {message}"
    cost = translate(N_("from the cache")) if outcome.cached else usd(outcome.cost.usd, "?")
    return f"[{position + 1}] {item.source}: {outcome.latency_s:.1f} s, {cost}"


def _summary(items: Sequence[ExportItem], translate: Translate) -> str:
    sums = totals(items)
    words = Phrase(
        "Pictures: {items}, answered: {succeeded}, from the cache: {cached}, failed: {failed}, "
        "cost: ${cost}.",
        {name: sums[name] for name in ("items", "succeeded", "cached", "failed")}
        | {"cost": sums["cost_usd"]},
    )
    text = words.translated(translate)
    if sums["held"]:
        more = Phrase("Held for a person to look at: {count}.", {"count": sums["held"]})
        text = f"{text} {more.translated(translate)}"
    if sums["unknown_costs"]:
        more = Phrase("The cost of {count} is unknown.", {"count": sums["unknown_costs"]})
        text = f"{text} {more.translated(translate)}"
    return text

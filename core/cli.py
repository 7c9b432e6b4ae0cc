"""The command line: `python -m core COMMAND`.

Exit codes: 0 all good, 1 something failed, 2 bad usage or configuration, 3 authentication, quota
or budget stopped it, 130 interrupted.
"""

import asyncio
import logging
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from core.cli_analyze import Analyzer, ask_options, show
from core.cli_arguments import (
    add_json,
    add_question,
    add_sources,
    port,
    positive,
    share,
    size,
    whole,
)
from core.cli_batch import add_batch, batch
from core.cli_doctor import show_checks
from core.cli_estimate import estimate
from core.cli_metrics import add_metrics, metrics
from core.cli_output import (
    EXIT_BAD_USAGE,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_STOPPED,
    STOPPING_CODES,
    Console,
    console,
)
from core.cli_qa import add_qa, qa
from core.doctor import Patient
from core.errors import VisionError
from core.i18n import Language, best_language, translator
from core.images.intake import Intake
from core.logs import configure_logs
from core.phrases import Phrase, Translate
from core.settings import Settings, load_settings
from core.types import Detail
from core.workbench import Workbench

_DEFAULT_PORT = 8600
_USUAL_OUTPUT_TOKENS = 500


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    language = best_language(None, os.environ.get("TESSERA_LANG"))
    arguments = _parser(translator(language)).parse_args(argv)
    spoken = console(translator(language), as_json=getattr(arguments, "json", False))
    try:
        settings = load_settings()
        configure_logs(settings, logging.WARNING)
        language = best_language(None, settings.tessera_lang)
        spoken = console(translator(language), as_json=spoken.as_json)
        return _COMMANDS[arguments.command](arguments, settings, language, spoken)
    except VisionError as error:
        spoken.error(error)
        return EXIT_STOPPED if error.code in STOPPING_CODES else EXIT_BAD_USAGE
    except KeyboardInterrupt:
        spoken.note(Phrase("Stopped."))
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # `| head` has seen enough; the flush at exit would complain again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK


def _analyze(arguments: Namespace, settings: Settings, language: Language, spoken: Console) -> int:
    async def work() -> int:
        options = ask_options(arguments, settings.model, language)
        workbench = Workbench.open(settings)
        try:
            analyzer = Analyzer(
                workbench.client,
                Intake(workbench.decoder),
                options,
                spoken,
                settings.max_concurrent_requests,
            )
            return show(await analyzer.run(arguments.source), spoken)
        finally:
            await workbench.close()

    return asyncio.run(work())


def _estimate(arguments: Namespace, settings: Settings, language: Language, spoken: Console) -> int:
    async def work() -> int:
        workbench = Workbench.open(settings)
        try:
            return await estimate(
                arguments,
                spoken,
                default_model=settings.openai_model,  # the engine inside is free
                catalog=workbench.catalog,
                decoder=workbench.decoder,
                language=language,
                today=datetime.now(UTC).date(),
            )
        finally:
            await workbench.close()

    return asyncio.run(work())


def _doctor(arguments: Namespace, settings: Settings, language: Language, spoken: Console) -> int:
    del language

    async def work() -> int:
        bench = Workbench.open(settings)
        patient = Patient(settings, bench.catalog, bench.decoder, bench.client)
        today = datetime.now(UTC).date()
        try:
            return await show_checks(patient, spoken, today, paid=arguments.paid)
        finally:
            await bench.close()

    return asyncio.run(work())


def _serve_local(
    arguments: Namespace, settings: Settings, language: Language, spoken: Console
) -> int:
    del language
    from core.local.serve import HOST, serve

    address = f"http://{HOST}:{arguments.port}/v1"
    spoken.note(Phrase("The embedded engine answers at {address}.", {"address": address}))
    serve(arguments.port, settings.engine_dir)
    return EXIT_OK


_COMMANDS: dict[str, Callable[[Namespace, Settings, Language, Console], int]] = {
    "analyze": _analyze,
    "batch": batch,
    "estimate": _estimate,
    "metrics": metrics,
    "doctor": _doctor,
    "qa": qa,
    "serve-local": _serve_local,
}


def _parser(translate: Translate) -> ArgumentParser:
    _ = translate
    parser = ArgumentParser(prog="python -m core", description=_("Analyse images, or price them."))
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser
    _add_analyze(add("analyze", help=_("Ask about pictures.")), _)
    add_batch(add("batch", help=_("Ask about many pictures, without losing any.")), _)
    _add_estimate(add("estimate", help=_("Say what pictures would cost.")), _)
    add_metrics(add("metrics", help=_("Say what was asked, how it went and what it cost.")), _)
    doctor = add("doctor", help=_("Check settings, disk, network and engine."))
    paid = _("Also ask the model for a word and about a picture, which costs.")
    doctor.add_argument("--paid", action="store_true", help=paid)
    add_json(doctor, _)
    add_qa(add("qa", help=_("Ask questions with known answers, and compare runs.")), _)
    serve = add("serve-local", help=_("Serve the embedded engine to any OpenAI client."))
    serve.add_argument("--port", type=port, default=_DEFAULT_PORT, help=_("TCP port."))
    return parser


def _add_analyze(parser: ArgumentParser, _: Translate) -> None:
    add_question(parser, _)
    parser.add_argument("--no-cache", action="store_true", help=_("Ask even if it is answered."))
    add_json(parser, _)


def _add_estimate(parser: ArgumentParser, _: Translate) -> None:
    add_sources(parser, _, "*")
    parser.add_argument("--size", type=size, action="append", metavar="WxH", help=_("In pixels."))
    parser.add_argument("--model", action="append", help=_("A model; may be repeated."))
    parser.add_argument("--detail", choices=[*Detail], help=_("How closely to look."))
    parser.add_argument("--count", type=positive, default=1, help=_("How many of each."))
    text = parser.add_mutually_exclusive_group()
    text.add_argument("--prompt", help=_("Your own question."))
    text.add_argument("--prompt-tokens", type=whole, help=_("All tokens of text per picture."))
    parser.add_argument(
        "--output-tokens",
        type=whole,
        default=_USUAL_OUTPUT_TOKENS,
        help=_("Tokens of one answer."),
    )
    parser.add_argument(
        "--cache-hit-rate",
        type=share,
        default=Decimal(0),
        metavar="F",
        help=_("Share of pictures that are answered already, 0 to 1."),
    )
    add_json(parser, _)

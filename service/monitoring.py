"""The routes for machines that watch: /metrics and /health."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.errors import VisionError
from core.workbench import Workbench
from service.health import examine_health
from service.prometheus import exposition

_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


def monitoring_routes(workbench: Callable[[], Workbench]) -> list[Route]:
    """Return the routes; `workbench` is asked at each request, so this starts nothing."""
    return [
        Route("/metrics", _metrics(workbench), methods=["GET"]),
        Route("/health", _health(workbench), methods=["GET"]),
    ]


def _metrics(workbench: Callable[[], Workbench]) -> Handler:
    async def metrics(request: Request) -> Response:
        accept = request.headers.get("accept", "")
        try:
            body, media_type = await run_in_threadpool(lambda: exposition(workbench(), accept))
        except VisionError as error:
            _log.exception("metrics_not_readable")
            return Response(f"{error.code}\n", 503, media_type="text/plain")
        return Response(body, headers={"content-type": media_type})

    return metrics


def _health(workbench: Callable[[], Workbench]) -> Handler:
    """Say 503 where no work can be done, so that a load balancer sends none."""

    async def health(_: Request) -> Response:
        try:
            found = await run_in_threadpool(lambda: examine_health(workbench()))
        except VisionError as error:
            _log.exception("health_not_readable")
            return JSONResponse({"status": "unhealthy", "error": error.code}, 503)
        return JSONResponse(asdict(found), 200 if found.is_usable else 503)

    return health

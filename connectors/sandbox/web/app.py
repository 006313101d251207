"""The web application: routes, authentication, media types, limits, response headers. Knows no entity.

Each module of `endpoints` has its own `ROUTES`, and is served.
"""

import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import walk_packages
from typing import cast
from urllib.parse import parse_qs, parse_qsl

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.sandbox import endpoints
from connectors.sandbox.protocol.calls import DIALECTS, REFERENCE_KINDS, ApiCall, Route, log_address
from connectors.sandbox.protocol.dates import now_text
from connectors.sandbox.protocol.exact_json import Document, dumps
from connectors.sandbox.protocol.problems import ProblemError, not_found
from connectors.sandbox.protocol.variant import AS_INFERRED, Variant
from connectors.sandbox.store import Store
from connectors.sandbox.web.fault_injection import REQUEST_ID, FaultInjector, FaultPlan
from connectors.sandbox.web.rate_limit import RateLimit, RateLimiter
from connectors.sandbox.web.tokens import TokenRefusedError, Tokens

_PARTS = tuple(
    import_module(part.name) for part in walk_packages(endpoints.__path__, f"{endpoints.__name__}.") if not part.ispkg
)
_BAD_TOKEN = "InvalidIdentityToken"  # noqa: S105  # the name of an error
_MEDIA_TYPES = ("application/json-patch+json", "application/json", "text/json")
_JSON = "application/json"
_PROBLEM = "application/problem+json"


def _versions(call: ApiCall) -> Document:
    """GET /api/metadata/versions."""
    return {
        "apiVersion": "v0",
        "buildVersion": f"bulkload-sandbox-{call.dialect}",
        "excelVersion": "",
        "links": [call.log_link],
    }


@dataclass
class Service:
    """The settings and data that all calls of one sandbox share.

    Attributes:
        base_url: the API's base URL, ending in `/api`; set once the port is known.
        body_limit: size of the largest body accepted, in bytes.
        assumed: the kinds of reference data of which everything is taken to exist.
        rate_limit: None where any number of calls is answered.
        variant: in what it behaves otherwise than is inferred of LUSID.
        calls: (method, path, status) of every call in order of arrival; status 0 when it was not fully answered.
    """

    store: Store
    tokens: Tokens
    faults: FaultPlan
    dialect: str
    body_limit: int
    base_url: str = ""
    assumed: frozenset[str] = REFERENCE_KINDS
    rate_limit: RateLimit | None = None
    variant: Variant = AS_INFERRED
    calls: list[tuple[str, str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._name = f"SB{time.time_ns():X}"

    def next_request_id(self) -> str:
        """A request id in LUSID's form: a name for the server, then a number."""
        return f"{self._name}:{next(self._numbers):08X}"


def build(service: Service) -> ASGIApp:
    """Builds the application, wrapped in fault injection and response headers."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.add_api_route("/oauth2/token", _token_endpoint(service), methods=["POST"])
    versions = Route("GET", "/api/metadata/versions", _versions, 200, DIALECTS)
    for route in (versions, *(route for part in _PARTS for route in part.ROUTES)):
        if service.dialect in route.dialects:
            app.add_api_route(f"/api{route.path}", _endpoint(service, route), methods=[route.method])
    app.add_exception_handler(HTTPException, _no_such_route(service))
    served: ASGIApp = FaultInjector(app, service.faults)
    if service.rate_limit is not None:
        served = RateLimiter(served, service.rate_limit)
    return _Recorder(served, service)


Endpoint = Callable[[Request], Awaitable[Response]]


def _endpoint(service: Service, route: Route) -> Endpoint:
    async def serve(request: Request) -> Response:
        try:
            call = await _read_call(service, request)
            # Not in a thread: the store does one call at a time anyway, and most take less than the change of threads.
            return Response(dumps(route.handler(call)), route.status, media_type=_JSON)
        except ProblemError as problem:
            return _refusal(service, request, problem)

    return serve


async def _read_call(service: Service, request: Request) -> ApiCall:
    # The body is always read: a refusal sent while the client is still writing can be lost to a connection reset.
    body = await _read_body(request, service.body_limit)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not service.tokens.accepts(token.strip()):
        raise ProblemError(401, 187, _BAD_TOKEN, "the bearer token is missing, invalid or expired")
    _meet_variant(request, service.variant)
    media_type = request.headers.get("content-type", "")
    if request.method == "POST" and (body or media_type):
        _check_media_type(media_type)
    return ApiCall(
        store=service.store,
        dialect=service.dialect,
        base_url=service.base_url,
        request_id=request.scope[REQUEST_ID],
        as_at=now_text(),
        path=request.path_params,
        query=parse_qs(request.url.query, keep_blank_values=True),
        body=body,
        assumed=service.assumed,
        variant=service.variant,
    )


def _meet_variant(request: Request, variant: Variant) -> None:
    """Raises ProblemError for a call that the variant forbids, or breaks off."""
    asked = f"{request.method} {request.url.path}"
    if variant.forbidden and variant.forbidden in asked:
        raise ProblemError(403, 186, "AccessDenied", "forbidden, as asked by --differs")
    if variant.broken and variant.broken in asked:
        raise ProblemError(500, -1, "Unknown", "broken, as asked by --differs")


def _check_media_type(content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in _MEDIA_TYPES or (media_type.startswith("application/") and media_type.endswith("+json")):
        return
    accepted = ", ".join((*_MEDIA_TYPES, "application/*+json"))
    raise ProblemError(415, 157, "UnsupportedMediaType", f"the body must be one of {accepted}")


async def _read_body(request: Request, limit: int) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
    if size > limit:
        raise ProblemError(413, 157, "PayloadTooLarge", f"the body is {size} bytes, {limit} is the most")
    return b"".join(chunks)


def _refusal(service: Service, request: Request, problem: ProblemError) -> Response:
    instance = log_address(service.base_url, request.scope[REQUEST_ID])
    headers = {"WWW-Authenticate": "Bearer"} if problem.name == _BAD_TOKEN else None
    if service.variant.errors == "none" and problem.errors:
        problem = ProblemError(problem.status, problem.code, problem.name, "something in the request is wrong")
    return Response(dumps(problem.body(instance)), problem.status, headers, _PROBLEM)


def _no_such_route(service: Service) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def refuse(request: Request, error: Exception) -> Response:
        problem = not_found(f"dialect {service.dialect} has no {request.method} {request.url.path}")
        problem.status = cast("HTTPException", error).status_code
        return _refusal(service, request, problem)

    return refuse


def _token_endpoint(service: Service) -> Endpoint:
    async def serve(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        try:
            answer, status = service.tokens.grant(form), 200
        except TokenRefusedError as refused:
            answer = {"error": refused.error, "error_description": refused.description}
            status = 400
        return Response(dumps(answer), status, {"Cache-Control": "no-store"}, _JSON)

    return serve


class _Recorder:
    """ASGI middleware that numbers each call, adds LUSID's response headers and keeps the list of calls."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = scope[REQUEST_ID] = self._service.next_request_id()
        started = time.monotonic()
        calls, position = self._service.calls, len(self._service.calls)
        calls.append((scope["method"], scope["path"], 0))
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                took = round((time.monotonic() - started) * 1000)
                message["headers"] = [*message["headers"], *_meta(request_id, status, took)]
            elif not message.get("more_body"):
                calls[position] = (scope["method"], scope["path"], status)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _meta(request_id: str, status: int, took: int) -> list[tuple[bytes, bytes]]:
    return [
        (b"lusid-meta-requestid", request_id.encode()),
        (b"lusid-meta-success", b"True" if status < 400 else b"False"),
        (b"lusid-meta-duration", str(took).encode()),
    ]

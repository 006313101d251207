"""Drive a running server with the SDK's own client.

Runs inside an SDK's environment. stdin: [{"environ", "asynchronous", "calls"}], one entry for each
client: the environment variables that configure it, and its calls in order, {"api", "method",
"arguments"}. Each argument, by its name, is {"model", "body"}, parsed with that model first, or
{"value"}, handed over as it is. stdout: for each client, for each call, one of
- {"status", "body", "returned"}: the answer's text, and what the SDK made of it ("null": nothing);
- {"exception", "status", "body", "problem"}: the SDK's ApiException, and what its problem model
  makes of the body;
- {"exception", "message"}: the SDK would not send the call, or could not read the answer.
"""

import asyncio
import importlib
import json
import os
import sys
from typing import Any

import models

Call = dict[str, Any]
Answer = dict[str, Any]


def _arguments(call: Call) -> dict[str, Any]:
    def argument(given: Any) -> Any:
        return models.read(given["model"], given["body"]) if "model" in given else given["value"]

    return {name: argument(given) for name, given in call["arguments"].items()}


def _method(factory: Any, call: Call, *, asynchronous: bool = False) -> tuple[Any, Any]:
    api = factory.build(models.api_class(call["api"]))
    name = f"{call['method']}_with_http_info{'_async' * (asynchronous and models.IS_NEWEST)}"
    return getattr(api, name), getattr(api, "api_client", None)


def _answer(response: Any, client: Any) -> Answer:
    """Describe an answer; the preview returns a tuple where 2.x has an ApiResponse."""
    if isinstance(response, tuple):
        data, status, body = response[0], response[1], client.last_response.data
    else:
        data, status, body = response.data, response.status_code, response.raw_data
    return {"status": status, "body": body, "returned": models.held(data)}


def _refusal(error: Exception) -> Answer:
    name = type(error).__name__
    if not isinstance(error, models.ApiException):
        return {"exception": name, "message": str(error)}
    kind = "LusidValidationProblemDetails" if error.status == 400 else "LusidProblemDetails"
    try:
        problem = models.held(models.read(kind, error.body))
    except (TypeError, ValueError) as unreadable:
        problem = str(unreadable)
    return {"exception": name, "status": error.status, "body": error.body, "problem": problem}


def called(factory: Any, call: Call) -> Answer:
    """Make one call through a blocking client."""
    try:
        method, client = _method(factory, call)
        return _answer(method(**_arguments(call)), client)
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises is the answer
        return _refusal(error)


async def called_asynchronously(factory: Any, call: Call) -> Answer:
    """Make one call through an asyncio client."""
    try:
        method, client = _method(factory, call, asynchronous=True)
        return _answer(await method(**_arguments(call)), client)
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises is the answer
        return _refusal(error)


def at_once(factory: Any) -> Any:
    """A factory whose clients raise a refusal at once; the newest repeat it three times, and wait in between."""
    if models.IS_NEWEST:
        factory.get_api_client().rest_client.retries = 0
    return factory


def blocking(calls: list[Call]) -> list[Answer]:
    """Make the calls through the blocking client, which takes other settings in the preview."""
    if models.IS_PREVIEW:
        url, token = os.environ["FBN_LUSID_URL"], os.environ["FBN_ACCESS_TOKEN"]
        utilities = importlib.import_module("lusid.utilities")
        factory = utilities.ApiClientFactory(api_url=url, token=token)
    else:
        factory = at_once(models.factories.SyncApiClientFactory())
    return [called(factory, call) for call in calls]


async def asynchronous(calls: list[Call]) -> list[Answer]:
    """Make the calls through the asyncio client, which the preview SDKs have not."""
    async with models.factories.ApiClientFactory() as factory:
        return [await called_asynchronously(at_once(factory), call) for call in calls]


def driven(client: dict[str, Any]) -> list[Answer]:
    """Make one client's calls with its environment variables set, and no trace of them after."""
    os.environ.update(client["environ"])
    try:
        if client["asynchronous"]:
            return asyncio.run(asynchronous(client["calls"]))
        return blocking(client["calls"])
    finally:
        for variable in client["environ"]:
            del os.environ[variable]


json.dump([driven(client) for client in json.load(sys.stdin)], sys.stdout)

"""Posts a short JSON document to a URL of the firm's, such as that of a chat or an alarm.

Whoever knows such a URL can post to it, so it is a secret: nothing here says more of it than its host.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests

from schemas.errors import ConfigError

ATTEMPTS = 3
PAUSES = (0.5, 2.0)
"""Seconds between attempts: a load is over by then, and its command must end."""

TIMEOUT_SECONDS = 5.0


def webhook_url(url: str, flag: str) -> str:
    """Takes a URL that can be posted to.

    Args:
        url: begins with `https://` or `http://`, and names a host.
        flag: of the command line, for the message.

    Raises:
        ConfigError: it is none; the message does not show it.
    """
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url
        _ = parts.port
    except ValueError:
        fits = False
    if not fits:
        raise ConfigError(f"{flag} takes a URL such as https://alerts.example.com/bulkload")
    return url


def post(url: str, document: Mapping[str, Any], sleep: Callable[[float], None] = time.sleep) -> str | None:
    """Posts a document, and again where that may help: after a lost connection, 429, and errors of the server.

    Follows no redirect: a document is for whom the URL names.

    Args:
        url: as `webhook_url` takes it.
        document: JSON members.
        sleep: waits so many seconds.

    Returns:
        Why it could not be posted, in a few words that tell nothing of the URL but its host; None where it was.
    """
    body, why = orjson.dumps(document), ""
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(PAUSES[attempt - 1])
        try:
            headers = {"Content-Type": "application/json"}
            with requests.post(
                url, data=body, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
            ) as answer:
                status = answer.status_code
        except requests.RequestException as error:
            why = type(error).__name__
            continue
        if 200 <= status < 300:
            return None
        why = f"it answered {status}"
        if status != 429 and status < 500:
            break
    return f"{urlsplit(url).hostname}: {why}"

"""URLs of extracts: which places are known, what each needs, and what may stand in its URL.

Owns connecting. Must not know how a file is copied.
"""

import importlib
import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from schemas.errors import ConfigError, ExtractError
from schemas.texts import one_line, without_middle

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://")
_SECONDS = 30
"""How long a site may take to answer a first time."""
_SHOWN = 300
"""Characters of what a library says that are told on."""


class Kind(NamedTuple):
    """A kind of place.

    Attributes:
        extra: of this project, which installs what it needs.
        errors: classes of errors of its client that are no OSError, by module and name.
    """

    extra: str
    errors: tuple[tuple[str, str], ...] = ()


_S3 = Kind("s3", (("botocore.exceptions", "BotoCoreError"), ("botocore.exceptions", "ClientError")))
_AZURE = Kind("azure", (("azure.core.exceptions", "AzureError"),))
_GOOGLE = Kind(
    "gcs", (("gcsfs.retry", "HttpError"), ("aiohttp", "ClientError"), ("google.auth.exceptions", "GoogleAuthError"))
)
PLACES = {
    "s3": _S3,
    "abfs": _AZURE,
    "abfss": _AZURE,
    "gs": _GOOGLE,
    "sftp": Kind("sftp", (("paramiko.ssh_exception", "SSHException"),)),
    "https": Kind("https", (("aiohttp", "ClientError"),)),
}
"""By scheme, the places that extracts may be in."""


def is_url(path: str | Path) -> bool:
    """Whether what was given as an extract is a URL."""
    return isinstance(path, str) and _URL.match(path) is not None


def kind_of_place(url: str) -> Kind:
    """What a URL's place needs.

    Raises:
        ConfigError: no such place is known, or the URL holds what may be a credential: it would be written down.
    """
    scheme = urlsplit(url).scheme.lower()
    if scheme not in PLACES:
        known = ", ".join(f"{name}://" for name in PLACES)
        raise ConfigError(f"an extract in {scheme}:// cannot be read: give a path, or a URL that begins with {known}")
    user = url.partition("://")[2].partition("/")[0].rpartition("@")[0]
    if ":" in user:
        raise ConfigError(
            f"an extract's URL ({scheme}://) holds a password, which every record of the run would hold: take it out, "
            "and let the client find it (keys, an agent, the environment)"
        )
    if scheme == "https" and (urlsplit(url).query or urlsplit(url).fragment):
        raise ConfigError(
            "an extract's URL (https://) holds a query, which may be a credential that every record of the run would "
            "hold: fetch the file first, or give it as s3://, abfs:// or gs://"
        )
    return PLACES[scheme]


def connected(url: str) -> tuple[Any, str]:
    """A file system anew, and the path of a URL in it.

    Raises:
        ConfigError: what the place needs is not installed, or the URL is refused.
        ExtractError: it cannot be reached.
    """
    kind, to_fs = kind_of_place(url), opener(url)
    try:
        options = _sftp_options() if kind.extra == "sftp" else {"use_listings_cache": False}
        fs, path = to_fs(url, skip_instance_cache=True, **options)
    except client_errors(url) as error:
        raise ExtractError(f"{url}: cannot be reached: {told(error)}") from None
    return fs, path


def opener(url: str) -> Any:
    """What opens a file system by a URL, of a place whose client is installed.

    Raises:
        ConfigError: it is not, or the URL is refused.
    """
    kind = kind_of_place(url)
    try:
        fsspec: Any = importlib.import_module("fsspec")
        fsspec.get_filesystem_class(urlsplit(url).scheme.lower())
    except ImportError:
        raise ConfigError(f"{url}: install what it needs: pip install 'lusid-bulkload[{kind.extra}]'") from None
    return fsspec.core.url_to_fs


def client_errors(url: str) -> tuple[type[Exception], ...]:
    """The errors of a place's client, of those of its modules that are there."""
    found: list[type[Exception]] = [OSError, EOFError]
    for module, name in kind_of_place(url).errors:
        try:
            found.append(getattr(importlib.import_module(module), name))
        except ImportError:
            continue
    return tuple(found)


def told(error: BaseException) -> str:
    """What a client says of an error, bounded, on one line."""
    return without_middle(one_line(str(error)) or type(error).__name__, _SHOWN)


def _sftp_options() -> dict[str, Any]:
    """Servers must be known by their keys, as `ssh` has them; by itself the client would trust any."""
    paramiko: Any = importlib.import_module("paramiko")

    class KnownHosts(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]  # the module is Any: it may not be there
        def missing_host_key(self, _client: Any, hostname: str, key: Any) -> None:
            known = Path("~/.ssh/known_hosts").expanduser()
            if not (known.exists() and paramiko.HostKeys(str(known)).check(hostname, key)):
                raise paramiko.SSHException(f"the key of {hostname} is not in {known}: compare it, and add it there")

    return {"host_key_policy": KnownHosts(), "timeout": _SECONDS}

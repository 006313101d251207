"""Files that are read before a load begins: what is no regular file is refused at once, and never waited for."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.extracts.mapping_file import read_mapping
from connectors.lusid.environment import read_settings
from connectors.lusid.tokens import FileToken
from schemas.errors import AuthError, ConfigError

URL = "https://acme.lusid.com/api"
WHY = "cannot be read: it is not a regular file"


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (lambda pipe: read_mapping(pipe, "orders"), "mapping {pipe} " + WHY),
        (lambda pipe: settings(FBN_ACCESS_TOKEN_FILE=pipe), "FBN_ACCESS_TOKEN_FILE names {pipe}, which " + WHY),
        (lambda pipe: settings(FBN_CLIENT_CERTIFICATE=pipe), "FBN_CLIENT_CERTIFICATE names {pipe}, which " + WHY),
        (lambda pipe: settings(FBN_SECRETS_PATH=pipe), "FBN_SECRETS_PATH names {pipe}, which " + WHY),
        (lambda pipe: read_settings(environ={}, folder=pipe.parent), "{pipe} " + WHY),
        (lambda pipe: FileToken(pipe).token(), "The access token file {pipe} " + WHY),
    ],
)
def test_a_named_pipe_is_refused_in_one_line(tmp_path: Path, read: Callable[[Path], object], told: str) -> None:
    pipe = tmp_path / "secrets.json"
    os.mkfifo(pipe)
    with pytest.raises((ConfigError, AuthError)) as caught:
        read(pipe)
    assert caught.value.message == told.format(pipe=pipe)


def settings(**variables: Path) -> object:
    environ = {name: str(path) for name, path in variables.items()}
    return read_settings(environ={"FBN_ACCESS_TOKEN": "t", **environ}, folder=Path("/nowhere"), target=URL)


def test_a_link_to_a_file_and_a_folder_are_what_they_were(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    (tmp_path / "link").symlink_to("token")
    assert FileToken(tmp_path / "link").token() == "abc"
    with pytest.raises(AuthError, match="cannot be read: Is a directory"):
        FileToken(tmp_path).token()

"""An S3 and an SFTP server on loopback, real ones that Python packages ship, for extracts that are elsewhere."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import boto3  # type: ignore[import-untyped]
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "feeds"


class S3:
    """A bucket of a server of moto's.

    Attributes:
        cuts: how many answers to a GET are still to be cut in the middle.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        keys = {"aws_access_key_id": "AKIDTEST", "aws_secret_access_key": "very-secret-key"}
        self._client: Any = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
        self._client.create_bucket(Bucket=BUCKET)

    def put(self, key: str, text: str | bytes) -> str:
        """Writes an object; returns its URL."""
        self._client.put_object(Bucket=BUCKET, Key=key, Body=text if isinstance(text, bytes) else text.encode())
        return f"s3://{BUCKET}/{key}"

    def objects(self) -> dict[str, bytes]:
        """All that is in it, by key."""
        listed = self._client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {each["Key"]: self._client.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in listed}

    def known(self, patch: pytest.MonkeyPatch) -> None:
        """Tells clients of this process where it is, and who they are, as an operator's environment does."""
        patch.setenv("AWS_ENDPOINT_URL", self.url)
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret-key")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@contextmanager
def s3() -> Iterator[S3]:
    """A server with an empty bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield S3(f"http://{host}:{port}")
    finally:
        server.stop()


class Sftp:
    """An SFTP server that shows a folder."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root, self.home = root, home
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        own = asyncssh.generate_private_key("ssh-ed25519")
        ssh = home / ".ssh"
        ssh.mkdir(mode=0o700, parents=True)
        own.write_private_key(str(ssh / "id_ed25519"))
        (ssh / "authorized").write_bytes(own.export_public_key())
        self.port = 0
        self._connections: list[asyncssh.SSHServerConnection] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        """Of its root."""
        return f"sftp://loader@127.0.0.1:{self.port}"

    def trusted(self) -> None:
        """Puts its key among those that the user knows."""
        line = self._key.export_public_key().decode()
        (self.home / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {line}")

    def hang_up(self) -> None:
        """Ends all connections."""
        assert self._loop is not None
        for connection in self._connections:
            self._loop.call_soon_threadsafe(connection.abort)
        self._connections.clear()

    async def serve(self, ready: threading.Event, over: asyncio.Event) -> None:
        """Serves until it is over."""

        class Server(asyncssh.SSHServer):
            def connection_made(_self, conn: asyncssh.SSHServerConnection) -> None:  # noqa: N805
                self._connections.append(conn)

        def shown(chan: Any) -> asyncssh.SFTPServer:
            return asyncssh.SFTPServer(chan, chroot=str(self.root).encode())

        listening = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Server,
            server_host_keys=[self._key],
            authorized_client_keys=str(self.home / ".ssh" / "authorized"),
            sftp_factory=shown,
        )
        self.port, self._loop = listening.get_port(), asyncio.get_running_loop()
        ready.set()
        await over.wait()
        listening.close()
        for connection in self._connections:
            connection.abort()
            await connection.wait_closed()
        await listening.wait_closed()


@contextmanager
def sftp(root: Path, home: Path) -> Iterator[Sftp]:
    """A server for a folder, and the keys of a user whose home is another one."""
    server, ready = Sftp(root, home), threading.Event()
    loop, over = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve(ready, over)), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(20)
        loop.close()

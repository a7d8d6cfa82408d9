"""The private Redis: broker, channel layer and cache behind one unix socket, no network."""

import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gateway_site.embedded.binaries import redis_binary
from gateway_site.embedded.process import Pause, Program
from gateway_site.embedded.sockets import make_private_folder, socket_folder

_SOCKET = "redis.sock"
_DURABLE = ["--appendonly", "yes", "--appendfsync", "everysec"]


@dataclass(frozen=True)
class Redis:
    """The server whose data is in ``data_dir/redis``; not ``durable``: it keeps nothing on disk."""

    data_dir: Path
    durable: bool = True
    name: str = "redis"

    @property
    def folder(self) -> Path:
        return self.data_dir / "redis"

    @property
    def socket(self) -> Path:
        return socket_folder(self.data_dir, self.name, _SOCKET) / _SOCKET

    @property
    def url(self) -> str:
        """As redis-py and channels_redis read it (kombu has a ``redis+socket://`` of its own)."""
        return f"unix://{quote(str(self.socket))}?db=0"

    def prepare(self, pause: Pause = time.sleep) -> None:
        """Make the folders. A dead server's socket is no obstacle: Redis replaces it."""
        for folder in (self.folder, self.socket.parent):
            make_private_folder(folder, os.geteuid(), os.getegid())

    def program(self) -> Program:
        """The server in the foreground, logging to stdout."""
        argv = [str(redis_binary()), "--port", "0", "--daemonize", "no", "--dir", str(self.folder)]
        argv += ["--unixsocket", str(self.socket), "--unixsocketperm", "700"]
        argv += ["--maxmemory-policy", "noeviction", "--save", "", "--loglevel", "warning"]
        argv += _DURABLE if self.durable else ["--appendonly", "no"]
        env = {"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)}
        return Program(name=self.name, argv=argv, env=env)

    def is_ready(self, pid: int) -> bool:
        """Whether PING answers PONG (while it loads its data it answers LOADING)."""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(self.socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(64) == b"+PONG\r\n"
        return False

"""What the figures depend on: the machine and the versions."""

import os
import platform
from importlib.metadata import version

from django.conf import settings

from accounts.redis import connection as redis_connection
from bench.database import read


def facts() -> dict[str, str]:
    """Name -> fact, for the head of the table."""
    packages = ("django", "uvicorn", "uvloop", "httptools", "websockets", "psycopg", "channels")
    redis_version = redis_connection().info("server")["redis_version"]
    return {
        "cores": f"{len(os.sched_getaffinity(0))}, load {os.getloadavg()[0]:.1f} at the start",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": ", ".join(f"{name} {version(name)}" for name in packages),
        "postgresql": f"{read('SHOW server_version')}, fsync {read('SHOW fsync')}, "
        f"synchronous_commit {read('SHOW synchronous_commit')}",
        "redis": str(redis_version),
        "configured": f"HTTP_THREADS {settings.HTTP_THREADS}, "
        f"SOCKET_THREADS {settings.SOCKET_THREADS}",
    }

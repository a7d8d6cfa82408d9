"""The one ASGI application: pages and API on threads, phones' sockets on the event loop."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_site.settings")
django.setup()

from channels.auth import AuthMiddlewareStack  # noqa: E402 - needs set-up Django
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from gateway_site.browser import BrowserConsumer  # noqa: E402
from gateway_site.handler import threaded_handler  # noqa: E402
from gateway_site.secret_file import require_lasting_secret  # noqa: E402
from messaging.consumers import GatewayConsumer  # noqa: E402

require_lasting_secret()


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Give the sockets' services a fixed pool: as many threads as database connections."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            pool = ThreadPoolExecutor(settings.SOCKET_THREADS, thread_name_prefix="sockets")
            asyncio.get_running_loop().set_default_executor(pool)
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def no_such_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Refuse the handshake; without this every scanner would fill the log with tracebacks."""
    await receive()
    await send({"type": "websocket.close"})


application = ProtocolTypeRouter(
    {
        "lifespan": lifespan,
        "http": threaded_handler(),
        "websocket": URLRouter(
            [
                path("ws/device", GatewayConsumer.as_asgi()),
                path(
                    "ws/live",
                    AllowedHostsOriginValidator(AuthMiddlewareStack(BrowserConsumer.as_asgi())),
                ),
                re_path("", no_such_socket),  # type: ignore[arg-type]  # no view but ASGI
            ]
        ),
    }
)

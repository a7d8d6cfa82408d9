"""The one ASGI application: where each kind of connection goes."""

import asyncio

from asgiref.testing import ApplicationCommunicator

from gateway_site.asgi import application

SECONDS = 5


async def test_http_goes_to_django():
    scope = {"type": "http", "method": "GET", "path": "/livez", "query_string": b""}
    call = ApplicationCommunicator(application, scope | {"headers": [(b"host", b"localhost")]})
    await call.send_input({"type": "http.request", "body": b""})
    start, body = [await call.receive_output(SECONDS) for _ in range(2)]
    assert (start["status"], body["body"]) == (200, b'{"ok": true}')


async def test_socket_on_an_unknown_path_is_closed_without_a_fuss():
    for path in ("/", "/ws/", "/ws/device/", "/ws/devices", "/v1/messages"):
        scope = {"type": "websocket", "path": path, "query_string": b"", "headers": []}
        call = ApplicationCommunicator(application, scope)
        await call.send_input({"type": "websocket.connect"})
        assert (await call.receive_output(SECONDS))["type"] == "websocket.close"
        await call.wait(SECONDS)


async def test_start_gives_the_sockets_as_many_threads_as_the_settings_say(settings):
    settings.SOCKET_THREADS = 3
    call = ApplicationCommunicator(application, {"type": "lifespan"})
    await call.send_input({"type": "lifespan.startup"})
    assert await call.receive_output(SECONDS) == {"type": "lifespan.startup.complete"}
    assert asyncio.get_running_loop()._default_executor._max_workers == 3
    await call.send_input({"type": "lifespan.shutdown"})
    assert await call.receive_output(SECONDS) == {"type": "lifespan.shutdown.complete"}
    await call.wait(SECONDS)

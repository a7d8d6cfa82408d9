import socket

import pytest

from gateway_site.embedded.errors import StartError
from gateway_site.embedded.startup import require_free_port


def test_port_in_use_is_told_in_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        expected = rf"^Port {port} on 127\.0\.0\.1 is in use by another program: .*PORT=8001"
        with pytest.raises(StartError, match=expected):
            require_free_port("127.0.0.1", port)


def test_port_that_was_used_a_moment_ago_is_free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    require_free_port("127.0.0.1", port)


def test_address_of_another_machine_is_refused():
    with pytest.raises(StartError, match="cannot be used"):
        require_free_port("192.0.2.1", 8000)

from contextlib import closing, contextmanager
from pathlib import Path

import kombu
import redis

from gateway_site.embedded.redis import Redis
from gateway_site.embedded.servers import start_server


@contextmanager
def running(server: Redis):
    process = start_server(server, server.data_dir / "logs")
    try:
        with closing(redis.Redis.from_url(server.url, decode_responses=True)) as client:
            yield client
    finally:
        process.stop()


def test_redis_started_twice_keeps_its_data(data_dir: Path):
    server = Redis(data_dir)
    with running(server) as client:
        client.set("kept", "yes")
    with running(server) as client:
        assert client.get("kept") == "yes"


def test_redis_that_is_not_durable_writes_nothing(data_dir: Path):
    server = Redis(data_dir, durable=False)
    with running(server) as client:
        client.set("kept", "no")
    assert list(server.folder.iterdir()) == []


def test_redis_listens_on_its_socket_only_and_never_evicts(data_dir: Path):
    server = Redis(data_dir, durable=False)
    with running(server) as client:
        assert client.config_get("port") == {"port": "0"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert server.socket.stat().st_mode & 0o777 == 0o700


def test_redis_killed_starts_again_over_its_old_socket(data_dir: Path):
    server = Redis(data_dir)
    process = start_server(server, data_dir / "logs")
    process.kill_group()
    process.stop()
    assert server.socket.exists()
    with running(server) as client:
        assert client.ping() is True


def test_redis_url_spelled_for_kombu_is_a_broker(data_dir: Path):
    server = Redis(data_dir, durable=False)
    broker_url = server.url.replace("unix://", "redis+socket://").replace("db=", "virtual_host=")
    with running(server), kombu.Connection(broker_url) as broker:
        queue = broker.SimpleQueue("letters")
        queue.put("hello")
        assert queue.get(timeout=5).payload == "hello"
        queue.close()

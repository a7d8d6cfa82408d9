import os
from pathlib import Path

import pytest

from gateway_site.embedded.errors import StartError
from gateway_site.embedded.sockets import LONGEST_SOCKET_PATH, make_private_folder, socket_folder


def test_socket_folder_is_inside_a_data_folder_that_is_short():
    assert socket_folder(Path("/srv/gateway"), "redis", "s") == Path("/srv/gateway/run/redis")


def test_socket_folder_of_a_long_data_folder_fits_and_is_its_own():
    first, second = (Path("/srv", name * 100) for name in "ab")
    fallback = socket_folder(first, "redis", "redis.sock")
    assert len(os.fsencode(fallback / "redis.sock")) <= LONGEST_SOCKET_PATH
    assert fallback == socket_folder(first, "redis", "redis.sock")
    assert fallback != socket_folder(second, "redis", "redis.sock")


def test_socket_folder_counts_bytes_not_characters():
    inside = Path("/srv", "é" * 45)
    assert not socket_folder(inside, "redis", "redis.sock").is_relative_to(inside)


def test_private_folder_is_made_for_its_owner_only_and_again_accepted(tmp_path: Path):
    folder = tmp_path / "run" / "redis"
    make_private_folder(folder, os.geteuid(), os.getegid())
    folder.chmod(0o755)
    make_private_folder(folder, os.geteuid(), os.getegid())
    assert folder.stat().st_mode & 0o777 == 0o700


def test_private_folder_behind_a_link_is_refused(tmp_path: Path):
    link = tmp_path / "redis"
    link.symlink_to(tmp_path)
    with pytest.raises(StartError, match="belongs to somebody else"):
        make_private_folder(link, os.geteuid(), os.getegid())

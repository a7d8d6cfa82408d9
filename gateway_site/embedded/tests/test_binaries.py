import pytest

from gateway_site.embedded import binaries
from gateway_site.embedded.errors import StartError


def test_binaries_are_found_without_importing_the_wheels():
    names = [binaries.postgres_binary("initdb").name, binaries.redis_binary().name]
    assert names == ["initdb", "redis-server"]


@pytest.mark.parametrize("find", [lambda: binaries.postgres_binary("x"), binaries.redis_binary])
def test_missing_wheel_is_told_in_one_sentence(find, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(binaries, "find_spec", lambda name: None)
    with pytest.raises(StartError, match=r"^[^.]+ set DATABASE_URL and REDIS_URL\.$"):
        find()

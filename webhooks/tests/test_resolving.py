"""Look-ups: what is refused when a URL is saved, and that slow name servers hold up nobody."""

import socket
import threading

import pytest

from accounts.web_addresses import InvalidWebAddress
from webhooks.resolving import (
    MAX_LOOKUPS,
    allowed_addresses,
    check_reachable_address,
    system_resolver,
)
from webhooks.tests.receivers import PATIENCE_SECONDS, Names

URL = "https://hook.example/path"


@pytest.mark.parametrize(
    "answers", [["1.1.1.1"], ["2606:4700::1111", "1.1.1.1"], ["::ffff:1.1.1.1"], ["1.1.1.1"] * 50]
)
def test_name_with_public_addresses_is_taken(answers):
    assert check_reachable_address(URL, resolver=Names({"hook.example": answers})) is None


@pytest.mark.parametrize(
    "answers", [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["1.1.1.1", "::1"], ["fe80::1%lo"]]
)
def test_name_with_one_address_that_is_not_public_is_refused(answers):
    with pytest.raises(InvalidWebAddress) as caught:
        check_reachable_address(URL, resolver=Names({"hook.example": answers}))
    assert str(caught.value) == (
        "Use a host with public addresses; hook.example leads into a private or reserved network."
    )


def test_name_that_nobody_knows_is_refused():
    with pytest.raises(InvalidWebAddress) as caught:
        check_reachable_address(URL, resolver=Names({}))
    assert str(caught.value) == "Check the host name: hook.example is not known."


@pytest.mark.parametrize("code", [socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_SYSTEM])
def test_name_server_that_is_ill_is_no_reason_to_refuse(code):
    def ill(host):
        raise socket.gaierror(code, "ill")

    assert check_reachable_address(URL, resolver=ill) is None


def test_name_server_that_is_slow_is_no_reason_to_refuse(monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr("webhooks.resolving.DNS_SECONDS", 0.1)
    names = Names({"hook.example": ["127.0.0.1"]})

    def slow(host):
        answered.wait(PATIENCE_SECONDS)
        return names(host)

    assert check_reachable_address(URL, resolver=slow) is None
    answered.set()


def test_url_that_is_refused_by_its_looks_is_not_looked_up():
    names = Names({})
    with pytest.raises(InvalidWebAddress, match="Start the URL"):
        check_reachable_address("ftp://hook.example/", resolver=names)
    assert names.asked == []


def test_address_is_not_looked_up():
    names = Names({})
    assert check_reachable_address("https://1.1.1.1/", resolver=names) is None
    assert names.asked == []


def test_name_that_changes_after_it_was_saved_is_refused_when_it_is_dialled():
    names = Names({"hook.example": ["1.1.1.1"]})
    assert check_reachable_address(URL, resolver=names) is None
    names.answers["hook.example"] = ["127.0.0.1"]
    with pytest.raises(InvalidWebAddress):
        allowed_addresses("hook.example", resolver=names, seconds=PATIENCE_SECONDS)


def test_machine_knows_localhost():
    assert set(system_resolver("localhost")) <= {"127.0.0.1", "::1"}
    with pytest.raises(InvalidWebAddress):
        allowed_addresses("localhost", resolver=system_resolver, seconds=PATIENCE_SECONDS)


def test_stuck_lookups_are_bounded_and_make_room_when_they_end():
    answered = threading.Event()
    started = []

    def stuck(host):
        started.append(host)
        answered.wait(PATIENCE_SECONDS)
        return ["1.1.1.1"]

    for number in range(MAX_LOOKUPS + 2):
        with pytest.raises(TimeoutError):
            allowed_addresses(f"{number}.example", resolver=stuck, seconds=0.005)
    assert len(started) == MAX_LOOKUPS
    answered.set()
    found = allowed_addresses("hook.example", resolver=stuck, seconds=PATIENCE_SECONDS)
    assert [str(address) for address in found] == ["1.1.1.1"]

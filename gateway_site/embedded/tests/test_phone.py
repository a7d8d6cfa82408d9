from pathlib import Path

import pytest

from agent import identity
from gateway_site.embedded import phone
from gateway_site.embedded.errors import StartError

PAIRED = identity.Identity(
    url="https://sms.example.org",
    socket_url="wss://sms.example.org/ws/device",
    token="dt_x",
    device_id="dev_1",
    name="Demo phone",
)


def test_phone_calls_at_the_local_address_and_stays_who_it_is(tmp_path: Path):
    identity.save(tmp_path, PAIRED)
    phone.call_at(tmp_path, "http://127.0.0.1:8001")
    assert identity.load(tmp_path) == identity.Identity(
        url="http://127.0.0.1:8001",
        socket_url="ws://127.0.0.1:8001/ws/device",
        token="dt_x",
        device_id="dev_1",
        name="Demo phone",
    )


def test_phone_is_paired_once_it_has_an_identity(tmp_path: Path):
    before = phone.is_paired(tmp_path)
    identity.save(tmp_path, PAIRED)
    assert (before, phone.is_paired(tmp_path)) == (False, True)


def test_phone_with_a_damaged_identity_is_told_in_one_sentence(tmp_path: Path):
    (tmp_path / identity.FILE_NAME).write_text("{")
    with pytest.raises(StartError, match="is damaged .*: pair again"):
        phone.call_at(tmp_path, "http://127.0.0.1:8000")

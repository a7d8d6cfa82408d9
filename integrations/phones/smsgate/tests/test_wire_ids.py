"""Ids as the app can hold them."""

import uuid

import pytest

from accounts.ids import decode_short_id, new_id
from devices.models import Device
from integrations.phones.smsgate.wire_ids import (
    attempt_id_of,
    wire_device_id,
    wire_message_id,
)

HIGHEST = uuid.UUID("ffffffff-ffff-7fff-bfff-ffffffffffff")
LOWEST = uuid.UUID("00000000-0000-7000-8000-000000000000")


@pytest.mark.parametrize("public_id", [LOWEST, HIGHEST, *(new_id() for _ in range(20))])
def test_device_id_has_21_letters_and_digits_and_leads_back(public_id):
    wire_id = wire_device_id(Device(public_id=public_id))
    assert (len(wire_id), wire_id.isalnum()) == (21, True)
    assert decode_short_id(wire_id) == public_id


@pytest.mark.parametrize("wire_id", ["", "x", "z" * 21, "0" * 20, "0" * 22, "é" * 21, "-" * 21])
def test_what_cannot_be_a_device_id_leads_nowhere(wire_id):
    assert decode_short_id(wire_id) is None


@pytest.mark.parametrize("attempt", [1, 9999])
def test_message_id_has_36_characters_at_most_and_leads_back(attempt):
    attempt_id = f"msg_{'z' * 22}.{attempt}"
    wire_id = wire_message_id(attempt_id)
    assert (len(wire_id) <= 36, wire_id.count(".")) == (True, 0)
    assert attempt_id_of(wire_id) == attempt_id


@pytest.mark.parametrize(
    "wire_id", ["", "msg_x-1", f"msg_{'z' * 22}", f"msg_{'z' * 22}-0", f"msg_{'z' * 22}.1", "\x00"]
)
def test_id_of_another_servers_message_is_nobodys(wire_id):
    assert attempt_id_of(wire_id) is None

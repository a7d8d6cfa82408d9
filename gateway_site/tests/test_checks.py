"""System checks: what an operator has to put right."""

import pytest

from gateway_site import settings as settings_module
from gateway_site.checks import (
    UPWARD_SETTINGS,
    channel_layer_is_shared,
    secret_key_is_given,
    upward_calls_can_be_imported,
    webhook_networks_are_networks,
)


def ids(messages) -> list[str]:
    return [message.id for message in messages]


def test_settings_as_they_are_pass():
    assert ids([*upward_calls_can_be_imported(), *channel_layer_is_shared()]) == []


@pytest.mark.parametrize("setting", UPWARD_SETTINGS)
@pytest.mark.parametrize("path", ["nothing.there", "messaging.queries.nothing", "nodots"])
def test_upward_call_that_leads_nowhere_is_an_error(settings, setting, path):
    setattr(settings, setting, [path])
    (error,) = upward_calls_can_be_imported()
    assert (error.id, error.msg.startswith(f"{setting}: ")) == ("gateway.E001", True)


def test_channel_layer_in_memory_is_an_error(settings):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    assert ids(channel_layer_is_shared()) == ["gateway.E002"]


@pytest.mark.parametrize(
    ("networks", "found"), [(["10.0.0.0/8", "fd00::/8"], []), (["10.0.0.1/8"], ["gateway.E003"])]
)
def test_mistyped_network_for_webhooks_is_an_error(settings, networks, found):
    settings.WEBHOOK_ALLOWED_NETWORKS = networks
    assert ids(webhook_networks_are_networks()) == found


@pytest.mark.parametrize(("from_file", "found"), [(True, ["gateway.W001"]), (False, [])])
def test_key_from_a_file_is_a_warning_when_deployed(settings, from_file, found):
    settings.SECRET_KEY_FROM_FILE = from_file
    assert ids(secret_key_is_given()) == found


def test_every_setting_of_upward_calls_is_checked():
    kinds = ("HANDLERS", "POLICIES", "PROVISIONERS", "WORK_FINDERS", "COUNTERS", "READERS")
    kinds += ("RULES", "POSTERS", "REPORTERS")
    endings = tuple(f"_{kind}" for kind in kinds)
    assert {name for name in vars(settings_module) if name.endswith(endings)} == set(
        UPWARD_SETTINGS
    )

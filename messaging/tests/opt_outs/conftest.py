"""A phone that receives texts, and rules that note what they are asked."""

import pytest

from devices.models import Device
from messaging.models import Message
from messaging.services.inbound import InboundText, receive_message
from messaging.tests import reacting
from messaging.tests.opt_outs.helpers import NUMBER
from messaging.tests.phone import Phone


@pytest.fixture(autouse=True)
def rules(published, settings):
    """What the rules were asked."""
    settings.INBOUND_RULES = ["messaging.tests.reacting.look"]
    reacting.asked.clear()
    return reacting.asked


@pytest.fixture
def phone():
    return Phone(tenant__name="Alice's shop")


@pytest.fixture
def tenant(phone):
    return phone.device.tenant


@pytest.fixture
def receive(phone):
    """A function that receives a text on the phone; each is a new one."""
    keys = iter(range(1000))

    def receive(text: str, sender: str = NUMBER, device: Device | None = None) -> Message | None:
        told = InboundText(str(next(keys)), sender, text)
        return receive_message(device=device or phone.device, inbound=told)

    return receive

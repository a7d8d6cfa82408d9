"""Who opts out, and what is answered and told."""

from accounts.models import Tenant
from messaging.models import Message, OptOut
from messaging.services.opt_outs import opt_out
from messaging.tests import listening

NUMBER, OTHER = "+6581230000", "+6581239999"
API, KEYWORD = Message.Origin.API, Message.Origin.KEYWORD
STOPPED = "Alice's shop: You will get no more messages from us. Reply START to get them again."
RESUMED = "Alice's shop: You will get our messages again. Reply STOP to end them, HELP for help."
HELP = "Alice's shop: Reply STOP to get no more messages, START to get them again."


def stop(tenant: Tenant, number: str = NUMBER) -> bool:
    return opt_out(tenant=tenant, number=number, source=OptOut.Source.API)


def answers() -> list[str]:
    return [message.text for message in Message.objects.filter(origin=KEYWORD).order_by("id")]


def told() -> list[tuple]:
    """Names of the events, with what is particular to each."""
    return [
        (event.name, getattr(event, "keyword", ""), getattr(event, "number", ""))
        for event in listening.heard
    ]

"""What STOP, START and HELP do."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.utils import timezone

from accounts.errors import GatewayError
from accounts.ids import first_id_of
from accounts.models import Tenant
from devices.models import Device
from messaging.drafts import MessageDraft
from messaging.keywords import Keyword, default_text, find_keyword
from messaging.models import KeywordSettings, Message, OptOut
from messaging.queries import messages_for
from messaging.services.opt_outs import opt_in, opt_out
from messaging.services.outbound import queue_batch
from messaging.templates import render

log = structlog.get_logger(__name__)

# Two machines that answer each other fall silent after these.
ANSWERS_PER_HOUR = 5


def keyword_in(text: str, settings: KeywordSettings | None) -> Keyword | None:
    """The keyword that an inbound `text` is to a tenant with `settings`; None for any other."""
    if settings is None:
        return find_keyword(text)
    more = {
        Keyword.STOP: settings.stop_words,
        Keyword.START: settings.start_words,
        Keyword.HELP: settings.help_words,
    }
    return find_keyword(text, languages=settings.languages, more=more)


def follow_keyword(
    keyword: Keyword, *, message: Message, tenant: Tenant, settings: KeywordSettings | None
) -> None:
    """Do what the inbound `message` asks for, and confirm it if that changed something.

    A suspended tenant's opt-outs count too, but nothing is sent for it.
    """
    if not message.sender:
        return  # withheld: there is nobody to stop for, or to answer
    if keyword is Keyword.STOP:
        is_new = opt_out(
            tenant=tenant, number=message.sender, source=OptOut.Source.KEYWORD, message=message
        )
    elif keyword is Keyword.START:
        is_new = opt_in(tenant=tenant, number=message.sender)
    else:
        is_new = True
    if is_new and tenant.is_active and _may_answer(tenant, message.sender):
        _answer(message, tenant, _text_for(keyword, tenant, settings))


def _may_answer(tenant: Tenant, number: str) -> bool:
    """Not names, which cannot be reached, nor short codes, which are machines and may cost."""
    if not number.startswith("+"):
        return False
    recent = messages_for(tenant).filter(
        recipient=number,
        origin=Message.Origin.KEYWORD,
        public_id__gte=first_id_of(timezone.now() - timedelta(hours=1)),
    )
    return recent[:ANSWERS_PER_HOUR].count() < ANSWERS_PER_HOUR


def _answer(message: Message, tenant: Tenant, text: str) -> None:
    """Queue `text` for the sender; routing gives it to the phone of the conversation.

    What came in through a simulated phone goes out through one.
    """
    is_test = message.device is not None and message.device.kind == Device.Kind.SIMULATED
    draft = MessageDraft(
        recipient=message.sender,
        text=text,
        lane=Message.Lane.URGENT.value,
        hold=True,
        is_test=is_test,
    )
    (result,) = queue_batch(tenant=tenant, drafts=[draft], origin=Message.Origin.KEYWORD)
    if isinstance(result, GatewayError):  # no credit, say; what was asked for is done all the same
        log.warning("keyword not answered", tenant=tenant.pk, error=result.code)


def _text_for(keyword: Keyword, tenant: Tenant, settings: KeywordSettings | None) -> str:
    own: str = getattr(settings, f"{keyword}_text", "")
    text = own or default_text(keyword, settings.languages if settings else ())
    return render(text, {"tenantName": tenant.name})

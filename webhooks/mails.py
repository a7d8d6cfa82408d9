"""E-mails about webhooks; outside transactions, as every network is."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from accounts.models import Membership
from webhooks.models import Endpoint


def warn(endpoint: Endpoint) -> None:
    """Tell the tenant's owners that `endpoint` fails, or that it was disabled.

    Raises OSError when the mail server does not take it.
    """
    owners = Membership.objects.filter(
        tenant=endpoint.tenant, role=Membership.Role.OWNER, user__is_active=True
    )
    is_disabled = endpoint.state == Endpoint.State.DISABLED
    name = endpoint.name or urlsplit(endpoint.url).hostname or endpoint.external_id
    about = {
        "endpoint": endpoint,
        "name": name,
        "host": urlsplit(endpoint.url).netloc,
        "gateway": settings.PUBLIC_URL,
    }
    subject = f"Webhook disabled: {name}" if is_disabled else f"Webhook failing: {name}"
    template = "emails/webhook_disabled.txt" if is_disabled else "emails/webhook_failing.txt"
    body = render_to_string(template, about)
    for address in owners.values_list("user__email", flat=True).order_by("user__email"):
        EmailMessage(" ".join(subject.split()), body, to=[address]).send()

"""Finding contacts and conversations by what people type: how a name or a number begins."""

from __future__ import annotations

import re

import phonenumbers
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Collate, Upper

from accounts.models import Tenant
from messaging.models import Contact, Conversation, OptOut

_strip_separators = re.compile(r"[\s().\-/]").sub
_is_start = re.compile(r"\+?[0-9]{1,20}").fullmatch


def number_starts(text: str, country: str) -> list[str]:
    """How the stored form of a number may start whose beginning somebody typed, in `country`.

    `8123` in SG is the start of `8123` (a short code), `+8123…` and `+658123…`.
    """
    starts = {text}
    digits = _strip_separators("", text)
    if _is_start(digits):
        starts.add(digits)
        if not digits.startswith("+"):
            starts.add(f"+{digits}")
            national = digits.lstrip("0")
            code = phonenumbers.country_code_for_region(country) if country else 0
            if code and national:
                starts.add(f"+{code}{national}")
    return sorted(starts)


def contacts_matching(contacts: QuerySet[Contact], text: str, *, country: str) -> QuerySet[Contact]:
    """Those of `contacts` whose name or number starts with `text`; an index answers each."""
    contacts = contacts.alias(
        c_name=Collate(Upper("name"), "C"),  # as the indexes contact_by_name
        c_number=Collate("number", "C"),  # and contact_by_number have them
    )
    return contacts.filter(
        Q(c_name__startswith=Upper(Value(text))) | _starts_with("c_number", text, country)
    )


def conversations_matching(
    conversations: QuerySet[Conversation], text: str, *, tenant: Tenant
) -> QuerySet[Conversation]:
    """Those of the tenant's `conversations` whose contact's name, or number, starts with `text`."""
    named = Contact.objects.filter(tenant=tenant).alias(c_name=Collate(Upper("name"), "C"))
    numbers = named.filter(c_name__startswith=Upper(Value(text))).values("number")
    conversations = conversations.alias(c_number=Collate("number", "C"))
    return conversations.filter(
        Q(number__in=numbers) | _starts_with("c_number", text, tenant.default_country)
    )


def opt_outs_matching(opt_outs: QuerySet[OptOut], text: str, *, country: str) -> QuerySet[OptOut]:
    """Those of a tenant's `opt_outs` whose number starts with `text`."""
    opt_outs = opt_outs.alias(c_number=Collate("number", "C"))
    return opt_outs.filter(_starts_with("c_number", text, country))


def _starts_with(column: str, text: str, country: str) -> Q:
    found = Q()
    for start in number_starts(text, country):
        found |= Q(**{f"{column}__startswith": start})
    return found

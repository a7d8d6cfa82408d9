"""A tenant's credit: a ledger to which staff append."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from accounts.errors import InvalidInput
from accounts.models import CreditEntry, Tenant, User
from accounts.services.audit import SYSTEM, record_audit


@transaction.atomic
def add_credit(*, tenant: Tenant, amount: Decimal, note: str, actor: User | None) -> CreditEntry:
    """Append one entry; with a minus it is a deduction, and may take the balance below zero.

    Raises InvalidInput for nothing at all, for parts of a cent, and without a note.
    """
    if amount == 0 or amount != round(amount, 2):
        text = "Give an amount that is not zero, in hundredths at most."
        raise InvalidInput.at("amount", "invalid_value", text)
    if not note.strip():
        raise InvalidInput.at("note", "required", "Say what it is for.")
    entry = CreditEntry.objects.create(
        tenant=tenant,
        amount=amount,
        note=note.strip(),
        actor=actor,
        actor_name=actor.email if actor else SYSTEM,
    )
    record_audit(
        tenant=tenant, actor=actor, action="credit.added", amount=str(amount), note=entry.note
    )
    return entry


def balance_of(tenant: Tenant) -> Decimal:
    """The sum of all entries."""
    total = CreditEntry.objects.filter(tenant=tenant).aggregate(total=Sum("amount"))["total"]
    return total or Decimal(0)

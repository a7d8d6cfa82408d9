"""Staff's lists, each of them: as many queries for one row as for thirty."""

from collections.abc import Callable

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group as Role
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import ApiKey, AuditEntry, CreditEntry, Plan, Tenant, User
from accounts.services.api_keys import NewApiKey, create_api_key
from accounts.tests.factories import TenantFactory, UserFactory
from devices.models import Device
from devices.tests.factories import DeviceFactory
from integrations.ingress.models import Ingress
from integrations.ingress.tests.factories import IngressFactory
from integrations.phones.smsgate.models import PairedApp
from integrations.phones.smsgate.tests.factories import PairedAppFactory
from messaging.models import Contact, Group, Message, OptOut
from messaging.tests.factories import ContactFactory, GroupFactory, MessageFactory, OptOutFactory
from rules.models import Rule, RuleRun
from rules.tests.factories import RuleFactory
from webhooks.models import Delivery, Endpoint
from webhooks.tests.factories import DeliveryFactory, EndpointFactory

# What makes one row, with a tenant, a person and whatever else it points at of its own.
MAKERS: dict[type[Model], Callable[[int], object]] = {
    ApiKey: lambda n: create_api_key(
        tenant=TenantFactory(), new=NewApiKey(f"Key {n}"), actor=UserFactory()
    ),
    AuditEntry: lambda n: AuditEntry.objects.create(
        tenant=TenantFactory(), actor=UserFactory(), action="api_key.created"
    ),
    Contact: lambda n: ContactFactory(),
    CreditEntry: lambda n: CreditEntry.objects.create(
        tenant=TenantFactory(), amount=n, actor=UserFactory()
    ),
    Delivery: lambda n: DeliveryFactory(),
    Device: lambda n: DeviceFactory(),
    Endpoint: lambda n: EndpointFactory(),
    Group: lambda n: GroupFactory(),
    Ingress: lambda n: IngressFactory(),
    Message: lambda n: MessageFactory(),
    OptOut: lambda n: OptOutFactory(),
    PairedApp: lambda n: PairedAppFactory(),
    Plan: lambda n: TenantFactory(plan=Plan.objects.create(name=f"Plan {n}")),
    Role: lambda n: UserFactory().groups.add(Role.objects.create(name=f"Role {n}")),
    Rule: lambda n: RuleFactory(),
    RuleRun: lambda n: make_run(),
    Tenant: lambda n: MessageFactory(),
    User: lambda n: UserFactory(),
}


def make_run() -> None:
    message = MessageFactory(inbound=True)
    RuleRun.objects.create(
        tenant=message.tenant,
        rule=RuleFactory(tenant=message.tenant),
        message=message,
        sender=message.sender,
    )


@pytest.mark.parametrize("model", MAKERS, ids=lambda model: model.__name__)
def test_list_takes_as_many_queries_for_one_row_as_for_thirty(admin_client, model):
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    counts, rows = [], []
    for more in (range(1), range(1, 30)):
        for number in more:
            MAKERS[model](number)
        with CaptureQueriesContext(connection) as queries:
            page = admin_client.get(reverse(name))
        counts.append(len(queries))
        rows.append(len(page.context["cl"].result_list))
    assert rows[1] - rows[0] >= 20  # a page of it
    assert counts[1] == counts[0]


def test_every_list_is_measured():
    assert set(MAKERS) == set(admin.site._registry)

"""The cast: Alice owns a tenant, Bob is in her team, Charlie owns another tenant."""

import factory
from factory.django import DjangoModelFactory

from accounts.models import Membership, Tenant, User
from accounts.services.api_keys import NewApiKey, create_api_key


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"user{n}@example.com")


class TenantFactory(DjangoModelFactory):
    class Meta:
        model = Tenant

    name = factory.Sequence(lambda n: f"Tenant {n}")
    default_country = "SG"


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    tenant = factory.SubFactory(TenantFactory)
    user = factory.SubFactory(UserFactory)
    role = Membership.Role.OWNER


def bearer(tenant: Tenant, **wanted) -> dict[str, str]:
    """Headers of a fresh API key of `tenant`; `wanted` goes to NewApiKey."""
    _, secret = create_api_key(tenant=tenant, new=NewApiKey("Test", **wanted), actor=None)
    return {"Authorization": f"Bearer {secret}"}

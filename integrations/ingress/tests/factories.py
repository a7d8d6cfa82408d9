"""Ingresses whose tokens the tests know."""

import factory
from factory.django import DjangoModelFactory

from accounts.secrets import encrypt, keyed_hash, new_token
from accounts.tests.factories import TenantFactory
from integrations.ingress.models import Ingress, IngressPayload


class IngressFactory(DjangoModelFactory):
    """`secret_token` is the `ig_…` of the made row."""

    class Meta:
        model = Ingress

    tenant = factory.SubFactory(TenantFactory)
    name = "Order system"
    preset = "generic"

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        token = new_token(Ingress.TOKEN_PREFIX)
        kwargs |= {"token": encrypt(token), "token_hash": keyed_hash(token)}
        ingress = super()._create(model_class, *args, **kwargs)
        ingress.secret_token = token
        return ingress


class IngressPayloadFactory(DjangoModelFactory):
    class Meta:
        model = IngressPayload

    ingress = factory.SubFactory(IngressFactory)
    content_type = "application/json"
    body = '{"to": "+6581230000", "text": "Hello"}'
    status = 202

"""Staff sees that an ingress is there, and never its URL, its secret or what was posted."""

import pytest
from django.urls import reverse

from accounts.models import User
from accounts.secrets import encrypt
from integrations.ingress.tests.factories import IngressFactory, IngressPayloadFactory


@pytest.fixture
def page(client, db):
    """A function that gets an ingress's admin page as text."""
    client.force_login(User.objects.create_superuser("staff@example.com"))

    def get(ingress) -> str:
        answer = client.get(reverse("admin:ingress_ingress_change", args=[ingress.pk]))
        assert answer.status_code == 200
        return answer.content.decode()

    return get


def test_page_shows_no_secret(page):
    ingress = IngressFactory(signing_secret=encrypt("hush"))
    IngressPayloadFactory(ingress=ingress, body="Dear Mei")
    shown = page(ingress)
    assert ingress.name in shown
    secrets = (ingress.secret_token, ingress.token, ingress.token_hash, ingress.signing_secret)
    assert [secret for secret in (*secrets, "hush", "Dear Mei") if secret in shown] == []


def test_nothing_can_be_changed(page):
    assert page(IngressFactory()).count('name="_save"') == 0

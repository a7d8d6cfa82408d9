"""What `manage.py up` asks of the data on its first start."""

import json
import secrets
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.errors import InvalidInput
from accounts.models import Membership, Tenant
from accounts.services.api_keys import NewApiKey, create_api_key
from accounts.services.tenants import NewTenant, open_tenant
from devices.services.pairing import create_pairing_code


class Command(BaseCommand):
    help = "Create the first tenant, its owner and an API key, unless there is a tenant already."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--pairing-code", action="store_true", help="Only make a pairing code for that tenant."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one JSON object: `created`, `email`, and on creation `password` and `api_key`."""
        try:
            with transaction.atomic():
                if options["pairing_code"]:
                    result = self._pairing_code()
                else:
                    result = self._known() if Tenant.objects.exists() else self._create()
        except InvalidInput as error:  # OWNER_EMAIL, DEFAULT_COUNTRY or DEFAULT_TIME_ZONE
            raise CommandError(error.message) from error
        self.stdout.write(json.dumps(result))

    @staticmethod
    def _pairing_code() -> dict[str, object]:
        tenant = Tenant.objects.order_by("pk").first()
        if tenant is None:
            raise CommandError("There is no tenant yet: run `manage.py first_run` first.")
        _, digits = create_pairing_code(tenant=tenant, actor=None)
        return {"code": digits}

    @staticmethod
    def _known() -> dict[str, object]:
        owner = Membership.objects.filter(role=Membership.Role.OWNER).order_by("pk").first()
        return {"created": False, "email": owner.user.email if owner else ""}

    @staticmethod
    def _create() -> dict[str, object]:
        password = secrets.token_urlsafe(12)
        tenant = open_tenant(
            new=NewTenant(
                name="My gateway",
                owner_email=settings.OWNER_EMAIL,
                owner_password=password,
                default_country=settings.DEFAULT_COUNTRY,
                time_zone=settings.DEFAULT_TIME_ZONE,
            )
        )
        owner = tenant.members.get()
        owner.is_staff = owner.is_superuser = True  # whoever runs the gateway is also its staff
        owner.save(update_fields=["is_staff", "is_superuser"])
        _, secret = create_api_key(tenant=tenant, new=NewApiKey("First key"), actor=owner)
        return {"created": True, "email": owner.email, "password": password, "api_key": secret}

"""Open another account on this gateway."""

import json
import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from accounts.services.api_keys import NewApiKey, create_api_key
from accounts.services.tenants import NewTenant, open_tenant


class Command(BaseCommand):
    help = "Create a tenant with its owner and an API key; prints them as JSON, this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("email", help="The owner; a known person keeps their password.")
        parser.add_argument("--country", default="", help="ISO 3166 code for national numbers.")
        parser.add_argument("--time-zone", default="UTC")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print `tenant`, `email`, `password` and `api_key`."""
        password = secrets.token_urlsafe(12)
        new = NewTenant(
            options["name"], options["email"], password, options["country"], options["time_zone"]
        )
        with transaction.atomic():
            tenant = open_tenant(new=new)
            _, secret = create_api_key(tenant=tenant, new=NewApiKey("First key"), actor=None)
        facts = {"tenant": tenant.external_id, "email": new.owner_email, "password": password}
        self.stdout.write(json.dumps({**facts, "api_key": secret}))

"""Open another account on this gateway."""

import json
import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.errors import InvalidInput
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
        """Print `tenant`, `email`, `api_key` and, for a new person, `password`."""
        password = secrets.token_urlsafe(12)
        new = NewTenant(
            options["name"], options["email"], password, options["country"], options["time_zone"]
        )
        try:
            with transaction.atomic():
                tenant = open_tenant(new=new)
                _, secret = create_api_key(tenant=tenant, new=NewApiKey("First key"), actor=None)
        except InvalidInput as error:
            raise CommandError(error.message) from error
        owner = tenant.members.get()
        facts = {"tenant": tenant.external_id, "email": owner.email, "api_key": secret}
        if owner.check_password(password):
            facts["password"] = password
        self.stdout.write(json.dumps(facts))

"""`/v1/settings`: how the tenant wants to be served."""

from __future__ import annotations

from typing import Annotated

import msgspec
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from accounts.api.bodies import read_body
from accounts.api.views import NativeView, json_response
from accounts.models import Tenant
from accounts.services.tenants import TenantSettings, update_settings
from messaging.keywords import DEFAULT_LANGUAGE, LANGUAGES
from messaging.models import KeywordSettings
from messaging.services.keyword_settings import (
    MAX_TEXT,
    MAX_WORDS,
    KeywordWishes,
    update_keyword_settings,
)

# A plain text to the decoder: the service names what is unknown, for every face alike.
Language = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(LANGUAGES)})]
Languages = Annotated[list[Language], msgspec.Meta(max_length=len(LANGUAGES))]
Words = Annotated[list[str], msgspec.Meta(max_length=MAX_WORDS)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]


class KeywordsPatch(msgspec.Struct, rename="camel"):
    """The words beside those of the languages; an empty text is the first language's own."""

    languages: Languages | None = None
    stop_words: Words | None = None
    start_words: Words | None = None
    help_words: Words | None = None
    stop_text: Text | None = None
    start_text: Text | None = None
    help_text: Text | None = None

    def wishes(self) -> KeywordWishes:
        return KeywordWishes(**msgspec.structs.asdict(self))


class TenantSettingsPatch(msgspec.Struct, rename="camel"):
    """What may be changed; a field that is absent stays.

    `defaultCountry` is an ISO 3166 code or empty, `timeZone` a name such as Europe/Berlin. With
    `holdWhenOffline` texts wait when no phone is online, without it they are refused. Without
    `keepInbound` only rules and webhooks see what comes in. `mailAlerts`: e-mail owners and admins
    when a phone is in trouble.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    default_country: Annotated[str, msgspec.Meta(max_length=2)] | None = None
    time_zone: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    hold_when_offline: bool | None = None
    keep_inbound: bool | None = None
    mail_alerts: bool | None = None
    keywords: KeywordsPatch | None = None

    def tenant_settings(self) -> TenantSettings:
        return TenantSettings(
            self.name,
            self.default_country,
            self.time_zone,
            self.hold_when_offline,
            self.keep_inbound,
            self.mail_alerts,
        )


class KeywordsOut(msgspec.Struct, rename="camel"):
    languages: list[str]
    stop_words: list[str]
    start_words: list[str]
    help_words: list[str]
    stop_text: str
    start_text: str
    help_text: str


class TenantSettingsOut(msgspec.Struct, rename="camel"):
    """In the shape in which it can be sent back: what is not set is an empty text."""

    name: str
    default_country: str
    time_zone: str
    hold_when_offline: bool
    keep_inbound: bool
    mail_alerts: bool
    keywords: KeywordsOut


def tenant_settings_out(tenant: Tenant, keywords: KeywordSettings) -> TenantSettingsOut:
    return TenantSettingsOut(
        tenant.name,
        tenant.default_country,
        tenant.time_zone,
        tenant.hold_when_offline,
        tenant.keep_inbound,
        tenant.mail_alerts,
        KeywordsOut(
            keywords.languages or [DEFAULT_LANGUAGE],
            keywords.stop_words,
            keywords.start_words,
            keywords.help_words,
            keywords.stop_text,
            keywords.start_text,
            keywords.help_text,
        ),
    )


class SettingsView(NativeView):
    scopes = {"GET": "settings:read", "PATCH": "settings:write"}

    @extend_schema(operation_id="getSettings", tags=["settings"], responses=TenantSettingsOut)
    def get(self, request: HttpRequest) -> HttpResponse:
        """The account's settings."""
        return self._show()

    @extend_schema(
        operation_id="updateSettings",
        tags=["settings"],
        request=TenantSettingsPatch,
        responses=TenantSettingsOut,
    )
    def patch(self, request: HttpRequest) -> HttpResponse:
        """Change what is named, all of it or nothing. In force within ten seconds."""
        wanted = read_body(request, TenantSettingsPatch)
        with transaction.atomic():
            update_settings(tenant=self.tenant, wanted=wanted.tenant_settings(), actor=None)
            if wanted.keywords is not None:
                update_keyword_settings(
                    tenant=self.tenant, wanted=wanted.keywords.wishes(), actor=None
                )
        return self._show()

    def _show(self) -> HttpResponse:
        """As they are now: the key's tenant may be as old as the cache of keys."""
        tenant = Tenant.objects.select_related("keyword_settings").get(pk=self.tenant.pk)
        keywords = getattr(tenant, "keyword_settings", None) or KeywordSettings(tenant=tenant)
        return json_response(tenant_settings_out(tenant, keywords))

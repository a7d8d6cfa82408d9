"""Every page that a person can open, once."""

from collections.abc import Mapping
from typing import NamedTuple


class Place(NamedTuple):
    """A page: its name in reports and as a file, and its path; `{message}` is filled in by id.

    It is there when `shows` is visible.
    """

    name: str
    path: str
    shows: str = "h1"

    def filled(self, ids: Mapping[str, str]) -> str:
        """The path with the ids of bakery.py."""
        return self.path.format(**ids)


ENTRANCE = (
    Place("login", "/accounts/login/"),
    Place("sign-up", "/accounts/signup/"),
    Place("password-reset", "/accounts/password/reset/"),
    Place("pair", "/pair?code=12345678"),
    Place("link-expired", "/accounts/confirm-email/nothing/"),
    Place("api-reference", "/v1/docs"),
)

DASHBOARD = (
    Place("overview", "/"),
    Place("overview-month", "/?days=30"),
    Place("first-steps", "/start"),
    Place("messages", "/messages"),
    Place("messages-search", "/messages?q=order&status=failed"),
    Place("message", "/messages/{message}"),
    Place("message-failed", "/messages/{failed}"),
    Place("compose", "/messages/new"),
    Place("exports", "/messages/exports"),
    Place("conversations", "/conversations"),
    Place("conversation", "/conversations/{number}"),
    Place("contacts", "/contacts"),
    Place("contact", "/contacts/{contact}"),
    Place("contact-new", "/contacts/new"),
    Place("groups", "/contacts/groups"),
    Place("group", "/contacts/groups/{group}"),
    Place("opt-outs", "/contacts/opt-outs"),
    Place("contacts-import", "/contacts/import"),
    Place("contacts-import-preview", "/contacts/import/{import}"),
    Place("phones", "/devices"),
    Place("phone", "/devices/{device}"),
    Place("phone-pairing", "/devices?pair=1", shows="#pair-code"),
    Place("phone-test", "/devices/{device}/test-sms"),
    Place("rules", "/rules"),
    Place("rule", "/rules/{rule}"),
    Place("rule-new", "/rules/new"),
    Place("rule-test", "/rules/test"),
    Place("rule-runs", "/rules/runs"),
    Place("webhooks", "/webhooks"),
    Place("webhook", "/webhooks/{endpoint}"),
    Place("webhook-new", "/webhooks/new"),
    Place("webhook-deliveries", "/webhooks/deliveries"),
    Place("webhook-delivery", "/webhooks/deliveries/{delivery}"),
    Place("integrations", "/integrations"),
    Place("integration", "/integrations/{ingress}"),
    Place("integration-new", "/integrations/new"),
    Place("integration-wizard", "/integrations/new?preset=odoo"),
    Place("integration-setup", "/integrations/{ingress}/setup"),
    Place("developers", "/developers"),
    Place("requests", "/developers/requests"),
    Place("team", "/team"),
    Place("settings", "/settings"),
    Place("audit", "/audit"),
    Place("welcome", "/welcome"),
    Place("account", "/account"),
    Place("account-email", "/accounts/email/"),
    Place("account-password", "/accounts/password/change/"),
    Place("account-sessions", "/accounts/sessions/"),
    Place("two-step", "/accounts/2fa/"),
    Place("two-step-turn-on", "/accounts/2fa/totp/activate/"),
    Place("log-out", "/accounts/logout/"),
)

STAFF = (
    Place("staff", "/admin/"),
    Place("staff-tenants", "/admin/accounts/tenant/"),
    Place("staff-tenant", "/admin/accounts/tenant/1/change/"),
    Place("staff-users", "/admin/accounts/user/"),
    Place("staff-user", "/admin/accounts/user/1/change/"),
    Place("staff-keys", "/admin/accounts/apikey/"),
    Place("staff-key", "/admin/accounts/apikey/1/change/"),
    Place("staff-plan-new", "/admin/accounts/plan/add/"),
    Place("staff-credit-new", "/admin/accounts/creditentry/add/"),
    Place("staff-audit", "/admin/accounts/auditentry/"),
    Place("staff-phones", "/admin/devices/device/"),
    Place("staff-phone", "/admin/devices/device/1/change/"),
    Place("staff-messages", "/admin/messaging/message/"),
    Place("staff-message", "/admin/messaging/message/1/change/"),
)

"""The paths below `/api/3rdparty/v1/`; none redirects, with or without a slash at its end."""

from django.urls import path, re_path

from integrations.dialects.smsgate.views import (
    devices,
    health,
    inbox,
    messages,
    settings,
    tokens,
    webhooks,
)

_ROUTES = {
    ("message", "messages"): messages.MessagesView,
    ("message/<str:batch_id>", "messages/<str:batch_id>"): messages.MessageView,
    ("message/inbox/export", "messages/inbox/export"): inbox.ExportView,
    ("device", "devices"): devices.DevicesView,
    ("device/<str:phone_id>", "devices/<str:phone_id>"): devices.DeviceView,
    ("webhooks",): webhooks.WebhooksView,
    ("webhooks/<str:webhook_id>",): webhooks.WebhookView,
    ("settings",): settings.SettingsView,
    ("inbox",): inbox.InboxView,
    ("inbox/refresh",): inbox.RefreshView,
    ("logs",): inbox.LogsView,
    ("auth/token",): tokens.TokensView,
    ("auth/token/refresh",): tokens.TokenRefreshView,
    ("auth/token/<str:token_id>",): tokens.TokenView,
    ("health", "health/ready", "health/startup"): health.HealthView,
    ("health/live",): health.LiveView,
}

urlpatterns = [
    path(name + slash, view.as_view())
    for names, view in _ROUTES.items()
    for name in names
    for slash in ("", "/")
]
urlpatterns.append(re_path("", health.UnknownView.as_view()))

"""What can go wrong with webhooks."""

from accounts.errors import GatewayError


class NoWebhookConfig(GatewayError):
    code = "no_webhook_config"
    status = 404
    default_message = (
        "No webhook is provisioned yet. Pair a device first; the first one brings it along."
    )

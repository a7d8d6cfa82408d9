"""Odoo 17 and later: the action "Send Webhook Notification" of an automation rule.

Source: "Automation rules",
https://www.odoo.com/documentation/18.0/applications/studio/automated_actions.html. It posts one
record as JSON, `{"_model", "_id", "_action"}` and the fields that its author picked; what is empty
is `false`, and a link to another record is its number. Odoo waits one second for the answer and
does not repeat. Texts of its own SMS app are the model `sms.sms` (`number`, `body`).
"""

from integrations.ingress.presets.preset import Preset

ODOO = Preset(
    slug="odoo",
    title="Odoo",
    source=(
        "Automation rules, Odoo documentation",
        "https://www.odoo.com/documentation/18.0/applications/studio/automated_actions.html",
    ),
    to=(
        "to",
        "number",
        "mobile",
        "phone",
        "phone_sanitized",
        "partner_mobile",
        "partner_phone",
        "x_studio_phone",
    ),
    text=("text", "body", "message", "x_studio_sms_text", "x_sms_text"),
    ref=("ref", "reference", "name", "_id"),
    steps=(
        "Turn on the developer mode, and open Settings, Technical, Automation Rules.",
        "Make a rule for the model, such as Sales Order, with the trigger that is to send.",
        "Add the action Send Webhook Notification, and paste the ingress URL.",
        "As fields pick those with the number, the text and the reference; the sample payload "
        "below them shows their names.",
        "If no field holds a text, write a text template here, such as "
        "'Order {{name}} is confirmed.'",
        "Let the rule run once, and look at the payload log here.",
    ),
)

"""Zoho CRM: the webhook action of a workflow rule.

Source: "Webhooks", https://www.zoho.com/crm/help/automation/webhooks.html, and "Create Webhook",
https://www.zoho.com/crm/developer/docs/api/v8/create-webhook.html. A webhook has no payload of its
own: whoever makes it picks module fields and names each parameter, and the body is form data or raw
text such as JSON. So the steps name the parameters, and after those the CRM's own field names
(Mobile, Phone) are tried.
"""

from integrations.ingress.presets.preset import Preset

ZOHO = Preset(
    slug="zoho",
    title="Zoho CRM",
    source=("Webhooks, Zoho CRM help", "https://www.zoho.com/crm/help/automation/webhooks.html"),
    to=("to", "Mobile", "mobile", "Phone", "phone"),
    text=("text", "message", "Message", "sms", "SMS"),
    ref=("ref", "id", "Id", "record_id", "Record_Id"),
    steps=(
        "In Zoho CRM open Setup, Automation, Actions, Webhooks, and choose Configure Webhook.",
        "Choose the method POST, paste the ingress URL as URL to notify, and pick the module.",
        "As body choose Form-Data, and add module parameters: to = Mobile (or Phone), "
        "ref = the record's id.",
        "Add text as a parameter in user-defined format, with merge fields, such as "
        "'Dear ${Leads.First Name}, we have your request.'",
        "Save, and attach the webhook to a workflow rule as an instant action.",
        "Let the rule fire once, and look at the payload log here.",
    ),
)

"""Salesforce: an HTTP callout of a flow, or Apex, which post JSON.

Source: "Configure an HTTP Callout Action",
https://help.salesforce.com/s/articleView?id=platform.flow_http_callout_configure.htm. The flow's
author gives a sample body, whose fields the flow then fills; the steps give that sample. Apex that
serialises a record posts `{"attributes": …, "Id": …, "MobilePhone": …}`, so these names are tried
too, below `record` as well. Outbound messages, the older way, are SOAP, and are not understood.
"""

from integrations.ingress.presets.preset import Preset

SALESFORCE = Preset(
    slug="salesforce",
    title="Salesforce",
    source=(
        "Configure an HTTP Callout Action, Salesforce help",
        "https://help.salesforce.com/s/articleView?id=platform.flow_http_callout_configure.htm",
    ),
    to=("to", "MobilePhone", "Phone", "record.MobilePhone", "record.Phone"),
    text=("text", "message", "SMS_Text__c", "record.SMS_Text__c"),
    ref=("ref", "recordId", "Id", "record.Id"),
    steps=(
        "In Setup make an external credential without authentication, and a named credential for "
        "this gateway's address.",
        "In Flow Builder make a record-triggered flow with an asynchronous path, add an action, "
        "and choose Create HTTP Callout.",
        "Choose the named credential, the method POST, and as URL path the part of the ingress URL "
        "that begins with /v1/ingress/.",
        'As sample request give {"to": "+6581230000", "text": "Hello", "ref": "a1"}, and as sample '
        'response {"id": "a", "status": "queued", "to": "a", "text": "a"}.',
        "Assign the record's mobile number, your text and the record's id to to, text and ref.",
        "Activate the flow, change a record, and look at the payload log here.",
    ),
)

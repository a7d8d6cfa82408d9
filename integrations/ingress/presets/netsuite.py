"""Oracle NetSuite: a user event script, or a workflow action script, that posts JSON.

Source: "N/https Module",
https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_4418229131.html. NetSuite has
no webhooks of its own; SuiteScript posts with `https.post`. A record through `JSON.stringify` is
`{"id", "type", "isDynamic", "fields": {…}, "sublists": {…}}`, so fields are tried below `fields`,
after those that a script names itself.
"""

from integrations.ingress.presets.preset import Preset

NETSUITE = Preset(
    slug="netsuite",
    title="Oracle NetSuite",
    source=(
        "N/https Module, NetSuite help center",
        "https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_4418229131.html",
    ),
    to=("to", "fields.mobilephone", "fields.phone", "mobilephone", "phone"),
    text=(
        "text",
        "message",
        "fields.custbody_sms_text",
        "fields.custentity_sms_text",
        "custbody_sms_text",
        "custentity_sms_text",
    ),
    ref=("ref", "fields.tranid", "fields.entityid", "tranid", "id"),
    steps=(
        "Write a user event script (SuiteScript 2.1) with afterSubmit, and load N/https.",
        "In it post the record: https.post({url: INGRESS_URL, body: "
        "JSON.stringify(context.newRecord), headers: {'Content-Type': 'application/json'}}).",
        "Keep the ingress URL in a script parameter of type password rather than in the source.",
        "Put the text into a custom field named custbody_sms_text or custentity_sms_text, or write "
        "a text template here.",
        "Deploy the script on the record type, save a record, and look at the payload log here.",
    ),
)

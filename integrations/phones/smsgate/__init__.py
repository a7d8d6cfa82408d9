"""The server side that the published SMSGate app for Android expects, unmodified.

Mounted at `/api/mobile/v1` (docs/phones/smsgate.md). It speaks the app's protocol and calls the
services that our own device protocol calls; a message neither knows nor cares what phone sends it.

| module | is about |
|---|---|
| ``urls``, ``views``, ``endpoints``, ``errors``, ``bodies`` | HTTP, without redirects |
| ``authentication``, ``signatures`` | who calls: the phone by its token, its webhooks by HMAC |
| ``wire_ids``, ``dates``, ``versions`` | the app's ids and times, and what it can since when |
| ``inputs``, ``messages``, ``states`` | what comes, what is to be sent, what became of it |
| ``settings_document``, ``webhook_list`` | what the app is told to do |
| ``streams`` | the open event streams of this process |
| ``services`` | what is written |
"""

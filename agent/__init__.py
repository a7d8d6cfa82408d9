"""The program that runs beside a phone or modem and connects it to the gateway.

It depends on nothing of the gateway but the wire protocol in `docs/device-protocol.md`.
Read in this order: `frames` (what is said), `journal` (what is remembered), `dispatcher`
(journal to radio), `outbox` (journal to gateway), `client` (the socket), `runner` (all together).
"""

__version__ = "1.0.0"

"""Logs: one JSON object a line (structlog), with the request id and tenant of the work in hand."""

import logging.config
import re
from typing import Any

import structlog

# Whoever knows an ingress's URL may send through it, so a line shows neither such a path nor, in a
# traceback say, what looks like the token. Likewise the secret in the URL that a phone's app posts
# to (integrations/phones).
_URL_TOKEN = re.compile(
    r"""(?<=/ig_)[^/\s"'\\?]+|(?<=ig_)[\w-]{40,}|(?<=/mobile/v1/in/)[^\s"'\\?]+""", re.ASCII
)


def logging_config(*, level: str, as_json: bool) -> None:
    """Send structlog and the standard library's loggers through one formatter to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if as_json:
        final.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [*final, renderer, mask_tokens],
                }
            },
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
            "root": {"handlers": ["console"], "level": level},
            "loggers": {
                # Every request has a line of its own (middleware.RequestLog); 4xx are not warnings.
                "django.request": {"level": "ERROR"},
                "django.channels.server": {"level": "WARNING"},
                # Sweeps run every few seconds; what they did not manage is told as a warning.
                "celery": {"level": "WARNING"},
                # Its warnings about odd answers hold the whole URLs of tenants.
                "urllib3": {"level": "ERROR"},
            },
        }
    )


def mask_tokens(_logger: Any, _method: str, line: str) -> str:
    """`line` with `***` for every token in a URL; the last step of writing it."""
    return _URL_TOKEN.sub("***", line)

"""All settings, read from the environment (and `.env`); `.env.example` documents every variable."""

from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlsplit

import environ

from gateway_site.logs import logging_config
from gateway_site.secret_file import read_or_create_secret

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(str(BASE_DIR / ".env"))

# --- Where things are -------------------------------------------------------------------------

DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).absolute()
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
PUBLIC_URL = env.str("PUBLIC_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
DEBUG = env.bool("DEBUG", default=False)

# The first start opens one account for this owner. Without a country, national numbers are refused
# rather than guessed: whoever wrote this program does not know where its users live.
OWNER_EMAIL = env.str("OWNER_EMAIL", default="owner@example.com")
DEFAULT_COUNTRY = env.str("DEFAULT_COUNTRY", default="").upper()
DEFAULT_TIME_ZONE = env.str("DEFAULT_TIME_ZONE", default="UTC")

# --- Security ---------------------------------------------------------------------------------

# An embedded gateway makes its own key on the first start; `check --deploy` asks for a real one.
SECRET_KEY_FROM_FILE = not env.str("SECRET_KEY", default="")
_lasting_key = env.str("SECRET_KEY", default="") or read_or_create_secret(DATA_DIR / "secret_key")
# Commands that keep nothing run with a passing key; what serves refuses to start (secret_file.py).
SECRET_KEY_IS_PASSING = _lasting_key is None
SECRET_KEY = _lasting_key or token_urlsafe(38)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# API keys and device tokens are stored as HMACs with this; changing it invalidates them all.
KEY_PEPPER = env.str("KEY_PEPPER", default="") or SECRET_KEY
# Signing secrets are encrypted with the first of these and decrypted with any of them.
ENCRYPTION_KEYS = env.list("ENCRYPTION_KEYS", default=[]) or [SECRET_KEY]

_public = urlsplit(PUBLIC_URL)
SERVED_BY_TLS = _public.scheme == "https"
# This machine's own names are always answered: health checks come by them.
ALLOWED_HOSTS = [
    *env.list("ALLOWED_HOSTS", default=[_public.hostname or "localhost"]),
    *("localhost", "127.0.0.1", "[::1]"),
]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SERVED_BY_TLS else None
SECURE_SSL_REDIRECT = False  # the reverse proxy does it; an API route must never redirect
SECURE_HSTS_SECONDS = 31_536_000 if SERVED_BY_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SERVED_BY_TLS
SECURE_HSTS_PRELOAD = SERVED_BY_TLS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SERVED_BY_TLS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Nothing inline, nothing from elsewhere; `connect-src 'self'` covers the live socket.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
# W008: see SECURE_SSL_REDIRECT above.
SILENCED_SYSTEM_CHECKS = ["security.W008"]
# How many reverse proxies of ours append to X-Forwarded-For; 0 = trust only the socket's address.
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT

DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
BATCH_MAX_BODY_BYTES = 10_000_000

# --- Django -----------------------------------------------------------------------------------

INSTALLED_APPS = [
    "gateway_site.apps.StaffSiteConfig",  # django.contrib.admin with our login
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.google",
    "allauth.usersessions",
    "django_htmx",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "channels",
    "accounts",
    "devices",
    "messaging",
    "webhooks",
    "rules",
    "integrations.ingress",
    "integrations.dialects.smsgate",
    "integrations.phones.smsgate",
    "gateway_site",
]

MIDDLEWARE = [
    "gateway_site.middleware.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "gateway_site.middleware.ApiErrors",
]
APPEND_SLASH = False

ROOT_URLCONF = "gateway_site.urls"
ASGI_APPLICATION = "gateway_site.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.shell",
            ]
        },
    }
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static-collected"
WHITENOISE_USE_FINDERS = not STATIC_ROOT.exists()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"

# --- Logging in, opening an account -----------------------------------------------------------

# "open": anybody may sign up and open an account; anything else: invitations only (sign_up.py).
SIGN_UP_IS_OPEN = env.str("SIGN_UP", default="open").lower() == "open"

# Until a mail server is named, e-mails are files for the operator, and shown on standard error.
EMAIL_CONFIG = (
    env.email_url("EMAIL_URL")
    if env.str("EMAIL_URL", default="")
    else {
        "EMAIL_BACKEND": "gateway_site.mail.FilesAndConsole",
        "EMAIL_FILE_PATH": str(DATA_DIR / "mail"),
    }
)
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default=f"gateway@{_public.hostname}")
# Whether an e-mail reaches people; without that, nobody could be asked to prove an address.
MAIL_IS_DELIVERED = EMAIL_CONFIG["EMAIL_BACKEND"].endswith(".smtp.EmailBackend")

ACCOUNT_ADAPTER = "gateway_site.sign_up.SignUp"
SOCIALACCOUNT_ADAPTER = "gateway_site.sign_up.GoogleSignUp"
ACCOUNT_FORMS = {
    "login": "gateway_site.login_forms.LoginForm",
    "signup": "gateway_site.login_forms.SignUpForm",
    "reset_password": "gateway_site.login_forms.ResetPasswordForm",
    "reset_password_from_key": "gateway_site.login_forms.ResetPasswordKeyForm",
    "change_password": "gateway_site.login_forms.ChangePasswordForm",
    "set_password": "gateway_site.login_forms.SetPasswordForm",
    "add_email": "gateway_site.login_forms.AddEmailForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_REDIRECT_URL = "welcome"
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if MAIL_IS_DELIVERED else "optional"
ACCOUNT_CHANGE_EMAIL = True  # one address each; a new one counts when it is confirmed
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# Twenty wrong passwords or codes for one person in an hour, from wherever; a password reset lets
# them in at once. The other limits are allauth's own.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/15m/key"}

MFA_ADAPTER = "gateway_site.second_factor.SecondFactor"
MFA_TOTP_ISSUER = "SMS gateway"
# allauth asks for a proven address first, lest somebody locks its owner out: see MAIL_IS_DELIVERED.
MFA_ALLOW_UNVERIFIED_EMAIL = not MAIL_IS_DELIVERED
# Where others can reach the gateway, its staff need a second factor (staff_site.py).
STAFF_NEED_SECOND_FACTOR = SERVED_BY_TLS

GOOGLE_CLIENT_ID = env.str("GOOGLE_CLIENT_ID", default="")
GOOGLE_CLIENT_SECRET = env.str("GOOGLE_CLIENT_SECRET", default="")
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
if GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET:
    SOCIALACCOUNT_PROVIDERS["google"] = {
        "APPS": [{"client_id": GOOGLE_CLIENT_ID, "secret": GOOGLE_CLIENT_SECRET}],
        "SCOPE": ["profile", "email"],
        "OAUTH_PKCE_ENABLED": True,
    }
    # The button is a form whose answer leads there, which browsers count as where the form goes.
    CONTENT_SECURITY_POLICY["DIRECTIVES"]["form-action"].append("https://accounts.google.com")

# --- PostgreSQL -------------------------------------------------------------------------------

DATABASE_URL = env.str("DATABASE_URL", default="")
if DATABASE_URL:
    _given = env.db_url_config(DATABASE_URL)
    _database: dict[str, Any] = {
        **_given,
        # Requests run on a fixed set of threads, so connections are as many as threads (asgi.py).
        "CONN_MAX_AGE": 600,
        "OPTIONS": {
            **_given.get("OPTIONS", {}),
            "server_side_binding": True,
            "prepare_threshold": 5,
            "options": "-c statement_timeout=30000 -c lock_timeout=2000"
            " -c idle_in_transaction_session_timeout=30000"
            # Prepared statements save parsing, not planning: a plan for any value would not use
            # partial indexes, nor those that only pay for a rare value.
            " -c plan_cache_mode=force_custom_plan",
        },
    }
else:  # commands that touch no data, such as `up`, which starts a private PostgreSQL
    _database = {"ENGINE": "django.db.backends.dummy"}
DATABASES = {"default": _database}

# --- Redis, Channels, Celery ------------------------------------------------------------------

REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            # The layer blocks on a read for 5 s; redis-py's own limit must be above that.
            "hosts": [{"address": REDIS_URL, "socket_timeout": 15}],
            "capacity": 1000,
            "expiry": 30,
            "prefix": "gateway",
        },
    }
}


def _kombu_url(redis_url: str) -> str:
    """kombu spells a Redis on a unix socket in its own way."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={database}"


# Counters of failed logins, shared by all processes.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
}

CELERY_BROKER_URL = _kombu_url(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# The visibility timeout stays above twice the hard time limit, or a slow task runs twice.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 300}
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"webhooks.tasks.deliver": {"queue": "webhooks"}}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 50
CELERY_TASK_TIME_LIMIT = 60
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Sweepers only, and the canary. Each sweep takes an advisory lock, so two beats are harmless.
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "messages due by schedule": {"task": "messaging.tasks.queue_scheduled", "schedule": 2.0},
    "leases that ran out": {"task": "messaging.tasks.return_expired_leases", "schedule": 10.0},
    "messages past their validity": {"task": "messaging.tasks.expire_overdue", "schedule": 10.0},
    "accepted but silent": {"task": "messaging.tasks.mark_silent_unknown", "schedule": 30.0},
    "phones that went silent": {"task": "devices.tasks.mark_silent_offline", "schedule": 10.0},
    "messages of silent phones": {"task": "messaging.tasks.reroute_waiting", "schedule": 10.0},
    "troubles of phones": {"task": "devices.tasks.sweep_alerts", "schedule": 30.0},
    "phones that receive nothing": {"task": "messaging.tasks.watch_receivers", "schedule": 60.0},
    "e-mails about phones": {
        "task": "devices.tasks.mail_alerts",
        "schedule": 10.0,
        "options": {"queue": "webhooks"},
    },
    "lost nudges": {"task": "messaging.tasks.nudge_due", "schedule": 15.0},
    "exports": {
        "task": "messaging.tasks.write_exports",
        "schedule": 15.0,
        "options": {"queue": "bulk"},
    },
    "old exports": {"task": "messaging.tasks.prune_exports", "schedule": 3600.0},
    "messages past their retention": {
        "task": "messaging.tasks.prune_messages",
        "schedule": 600.0,
        "options": {"queue": "bulk"},
    },
    "actions of rules": {"task": "rules.tasks.sweep_actions", "schedule": 10.0},
    "e-mails of rules": {
        "task": "rules.tasks.sweep_emails",
        "schedule": 10.0,
        "options": {"queue": "webhooks"},
    },
    "old runs of rules": {"task": "rules.tasks.prune", "schedule": 3600.0},
    "webhooks that are due": {"task": "webhooks.tasks.sweep_deliveries", "schedule": 5.0},
    "owners of failing endpoints": {"task": "webhooks.tasks.warn_owners", "schedule": 60.0},
    "old deliveries": {"task": "webhooks.tasks.prune", "schedule": 3600.0},
    "old rows": {"task": "devices.tasks.prune", "schedule": 3600.0},
    "old idempotency keys": {"task": "accounts.tasks.prune", "schedule": 3600.0},
    "old refs of ingresses": {"task": "integrations.ingress.tasks.prune", "schedule": 3600.0},
    "old SMSGate batches": {
        "task": "integrations.dialects.smsgate.tasks.prune",
        "schedule": 3600.0,
    },
    "old events of phones": {"task": "integrations.phones.smsgate.tasks.prune", "schedule": 3600.0},
}
for _queue in ("default", "webhooks"):
    CELERY_BEAT_SCHEDULE[f"canary of {_queue}"] = {
        "task": "gateway_site.tasks.sing",
        "schedule": 10.0,
        "args": [_queue],
        "options": {"queue": _queue},
    }
for _entry in CELERY_BEAT_SCHEDULE.values():
    # A sweep that nobody fetched in time is worthless: the next one does its work.
    _entry.setdefault("options", {})["expires"] = 60

# --- REST framework and OpenAPI ---------------------------------------------------------------

# Native views bring their own authentication, bodies and errors (accounts/api/views.py).
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "gateway_site.views.framework_error",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SMS gateway, native API",
    "DESCRIPTION": "Send texts through your own phones. Times are UTC with three fraction digits.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/v1",
    "POSTPROCESSING_HOOKS": ["gateway_site.openapi.add_error_answers"],
}

# --- Logs -------------------------------------------------------------------------------------

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING_CONFIG = None
logging_config(level=LOG_LEVEL, as_json=env.bool("LOG_JSON", default=True))

# --- The gateway ------------------------------------------------------------------------------

# Upward calls: what a lower app tells, and who above listens (dotted paths; checked at start).
MESSAGE_EVENT_HANDLERS = [
    "webhooks.handlers.message_events",
    "gateway_site.live.message_events",
    "integrations.ingress.handlers.message_events",
]
MESSAGE_POLICIES: list[str] = []
DEVICE_EVENT_HANDLERS = ["webhooks.handlers.device_events", "gateway_site.live.device_events"]
# What is asked of an inbound text before the others hear of it, and what posts it to a URL.
INBOUND_RULES = ["rules.handlers.react"]
INBOUND_POSTERS = ["webhooks.services.outbox.post_inbound"]
# Name of a body's format -> the function, or AddressedFormat, that writes it.
WEBHOOK_FORMATS = {
    "native": "webhooks.payloads.native",
    "smsgate": "integrations.dialects.smsgate.callbacks.FORMAT",
}
# What the gateway needs and has not, for whoever tells of its health.
READINESS_REPORTERS = ["gateway_site.health.problems"]
FIRST_DEVICE_PROVISIONERS = ["webhooks.services.endpoints.provision_first_endpoint"]
DEVICE_WORK_FINDERS = ["messaging.queries.devices_with_due_work"]
DEVICE_QUEUE_COUNTERS = ["messaging.queries.queue_depths"]
DEVICE_BUDGET_READERS = ["messaging.queries.segments_of_day"]

API_REQUESTS_PER_MINUTE = env.int("API_REQUESTS_PER_MINUTE", default=6000)
HTTP_THREADS = env.int("HTTP_THREADS", default=20)
SOCKET_THREADS = env.int("SOCKET_THREADS", default=4)

DEVICE_HEARTBEAT_SECONDS = env.int("DEVICE_HEARTBEAT_SECONDS", default=25)
DEVICE_POLL_SECONDS = env.float("DEVICE_POLL_SECONDS", default=5.0)
DEVICE_WINDOW_PER_SIM = 20
DEVICE_MAX_SOCKETS = 5
LEASE_SECONDS = env.int("LEASE_SECONDS", default=60)
MESSAGE_SILENT_SECONDS = env.int("MESSAGE_SILENT_SECONDS", default=900)
MESSAGE_VALIDITY_SECONDS = env.int("MESSAGE_VALIDITY_SECONDS", default=86_400)
MESSAGE_MAX_ATTEMPTS = 3
IDEMPOTENCY_HOURS = 24

# Automatic replies to one number in an hour; what stops two machines that answer each other.
RULE_REPLIES_PER_HOUR = env.int("RULE_REPLIES_PER_HOUR", default=10)
# Networks (CIDR) that webhooks may reach although they are not public; none unless named.
WEBHOOK_ALLOWED_NETWORKS = env.list("WEBHOOK_ALLOWED_NETWORKS", default=[])
WEBHOOK_THREADS = env.int("WEBHOOK_THREADS", default=32)

"""Settings of the control plane. Everything an operator sets comes from the environment; see docs/guides/settings.md."""

from __future__ import annotations

import os
import secrets
from ipaddress import ip_network
from pathlib import Path

from meshweb.config.environment import duration, flag, number, redis_urls, text, written_environment
from meshweb.config.logging import LOGGING  # noqa: F401 - Django reads it here

ROOT = Path(__file__).resolve().parents[2]

# --- What an operator sets --------------------------------------------------------------------------------------------

DATA_DIR = Path(text("MESHWEB_DATA_DIR", str(ROOT / ".run"))).absolute()
# What `manage.py up` says of the servers that it embeds, for commands that are run beside it.
_EMBEDDED = written_environment(DATA_DIR / "environment")
DATABASE_URL = text("DATABASE_URL", _EMBEDDED.get("DATABASE_URL", "postgresql:///meshweb?user=meshweb"))
REDIS_URL = text("REDIS_URL", _EMBEDDED.get("REDIS_URL", "redis://127.0.0.1:6379/0"))

WEB_PORT = number("MESHWEB_WEB_PORT", 8080)
TLS_PORT = number("MESHWEB_TLS_PORT", 8443)
XDS_PORT = number("MESHWEB_XDS_PORT", 15012)
LISTEN_HOST = text("MESHWEB_LISTEN_HOST", "127.0.0.1")
"""Where the two encrypted ports listen. The plain one never leaves loopback."""
ADVERTISE_HOST = text("MESHWEB_ADVERTISE_HOST", "127.0.0.1")
"""Name or address of the control plane as VMs reach it; it goes into join tokens and server certificates."""

MESH_NAME = text("MESHWEB_MESH_NAME", "mesh")
TRUST_DOMAIN = text("MESHWEB_TRUST_DOMAIN", "cluster.local")
DNS_SUFFIX = text("MESHWEB_DNS_SUFFIX", "svc.cluster.local")
OUTBOUND_ALLOWED = tuple(
    ip_network(block.strip()) for block in text("MESHWEB_OUTBOUND_ALLOWED", "").split(",") if block.strip()
)
"""Networks that may be fetched from although they are not public."""
OUTBOUND_CA_FILE = text("MESHWEB_OUTBOUND_CA_FILE", "")
JWKS_REFRESH_SECONDS = number("MESHWEB_JWKS_REFRESH_SECONDS", 45)
"""Between two fetches: with the schedule of the task and a compile, a new key holds within a minute."""
JWKS_STALE_SECONDS = number("MESHWEB_JWKS_STALE_SECONDS", 86_400)
ROOT_NAMESPACE = text("MESHWEB_ROOT_NAMESPACE", "istio-system")

CERTIFICATE_TTL = duration("MESHWEB_CERTIFICATE_TTL", "12h")
REPORT_SECONDS = float(text("MESHWEB_REPORT_SECONDS", "5"))

# --- Django -----------------------------------------------------------------------------------------------------------


def _secret_key() -> str:
    """From the environment, or made once and kept in the data directory (0600)."""
    given = os.environ.get("MESHWEB_SECRET_KEY")
    if given:
        return given
    path = DATA_DIR / "secret.key"
    try:
        return path.read_text()
    except FileNotFoundError:
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        made = secrets.token_urlsafe(48)
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(made)
        except FileExistsError:
            return path.read_text()
        return made


SECRET_KEY = _secret_key()
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", ADVERTISE_HOST, *filter(None, text("MESHWEB_HOSTS", "").split(","))]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False
ROOT_URLCONF = "meshweb.config.urls"
ASGI_APPLICATION = "meshweb.config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "channels",
    "meshweb.store",
    "meshweb.config",
]

MIDDLEWARE = [
    "meshweb.api.middleware.request_id",
    "meshweb.api.middleware.security_headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]

TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]


def _database() -> dict[str, object]:
    from psycopg.conninfo import conninfo_to_dict

    parts = conninfo_to_dict(DATABASE_URL)
    pool = {"min_size": 1, "max_size": number("MESHWEB_DATABASE_CONNECTIONS", 24), "timeout": 10, "max_idle": 60}
    known = {"dbname", "user", "password", "host", "port"}
    options = {key: value for key, value in parts.items() if key not in known}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.get("dbname", "meshweb"),
        "USER": parts.get("user", ""),
        "PASSWORD": parts.get("password", ""),
        "HOST": parts.get("host", ""),
        "PORT": str(parts.get("port", "")),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        # A database host that vanishes without a word is noticed within seconds.
        "OPTIONS": {
            "connect_timeout": 5,
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
            **options,
            **({"pool": pool} if flag("MESHWEB_DATABASE_POOL", True) else {}),
        },
    }


DATABASES = {"default": _database()}

# Per web process: enough for limits on sign-in and join attempts, and free of Redis.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [redis_urls(REDIS_URL).pubsub], "prefix": "meshweb"},
    }
}

# --- Who is signed in -------------------------------------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_NAME = "meshweb_session"
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_TRUSTED_ORIGINS = [f"https://{host}:{TLS_PORT}" for host in ALLOWED_HOSTS]
CSRF_FAILURE_VIEW = "meshweb.api.problems.csrf_failure"

# --- Console ----------------------------------------------------------------------------------------------------------

CONSOLE_DIR = Path(text("MESHWEB_CONSOLE_DIR", str(ROOT / "frontend" / "dist")))
STATIC_URL = "/static/"
WHITENOISE_ROOT = CONSOLE_DIR if CONSOLE_DIR.is_dir() else None
WHITENOISE_INDEX_FILE = False
# Vite puts the content hash into the names below /assets.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/assets/"

# --- REST -------------------------------------------------------------------------------------------------------------

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["meshweb.api.auth.BearerAuthentication", "meshweb.api.auth.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["meshweb.api.auth.ScopePermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["meshweb.api.bodies.JsonParser"],
    "DEFAULT_SCHEMA_CLASS": "meshweb.api.schema.Schema",
    "EXCEPTION_HANDLER": "meshweb.api.problems.exception_handler",
    "DEFAULT_THROTTLE_RATES": {"sign-in": "20/min", "join": "600/min"},
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "meshweb",
    "DESCRIPTION": "The REST API of the meshweb control plane.",
    "VERSION": "v1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["meshweb.api.schema.finish"],
}

# --- Jobs -------------------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = redis_urls(REDIS_URL).broker
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "telemetry"
CELERY_TASK_ROUTES = {
    "meshweb.config.publish": {"queue": "config"},
    "meshweb.config.*": {"queue": "config"},
    "meshweb.certs.*": {"queue": "certs"},
    "meshweb.telemetry.*": {"queue": "telemetry"},
    "meshweb.outbound.*": {"queue": "telemetry"},
}
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A message is a hint; a write never waits for Redis longer than this.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 2,
    "socket_timeout": 10,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "visibility_timeout": 60,
    "global_keyprefix": "meshweb:",
}
CELERY_BEAT_SCHEDULE = {
    "sweep-certificate-jobs": {"task": "meshweb.certs.sweep", "schedule": 5.0},
    "roll-up-telemetry": {"task": "meshweb.telemetry.roll_up", "schedule": 30.0},
    "prune-telemetry": {"task": "meshweb.telemetry.prune", "schedule": 300.0},
    "prune-configuration": {"task": "meshweb.config.prune", "schedule": 600.0},
    "fetch-keys": {"task": "meshweb.outbound.keys", "schedule": 5.0, "options": {"expires": 5}},
    "publish": {"task": "meshweb.config.publish", "schedule": 5.0, "options": {"expires": 5}},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")

"""Every setting, its type, its unit and its default; elsewhere `django.conf.settings`."""

from __future__ import annotations

import secrets
import sys
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from aegra_project.environment import LOG_FORMATS, Environment
from aegra_project.secrets import kept_secret_key
from aegra_project.sidebar import UNFOLD as UNFOLD
from common.embedded_postgres import connection_settings
from common.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment()
env.read_env(BASE_DIR / ".env", overwrite=False)

VERSION = "0.1.0"
try:
    LANGGRAPH_VERSION = version("langgraph")
except PackageNotFoundError:
    LANGGRAPH_VERSION = "unknown"

# --- where things are -------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
AEGRA_DATA_DIR = Path(env.str("AEGRA_DATA_DIR", default=str(BASE_DIR / ".aegra"))).resolve()
AEGRA_CONFIG = env.str("AEGRA_CONFIG", default="")  # empty: aegra.json, then langgraph.json
# What stands in for parts of the project file, most of it JSON: common/project_variables.py
LANGSERVE_GRAPHS = env.str("LANGSERVE_GRAPHS", default="")
LANGGRAPH_CONFIG = env.str("LANGGRAPH_CONFIG", default="")
LANGGRAPH_STORE = env.str("LANGGRAPH_STORE", default="")
LANGGRAPH_CHECKPOINTER = env.str("LANGGRAPH_CHECKPOINTER", default="")
LANGGRAPH_AUTH = env.str("LANGGRAPH_AUTH", default="")
LANGGRAPH_HTTP = env.str("LANGGRAPH_HTTP", default="")
LANGGRAPH_WEBHOOKS = env.str("LANGGRAPH_WEBHOOKS", default="")
MOUNT_PREFIX = env.str("MOUNT_PREFIX", default="")
CORS_CONFIG = env.str("CORS_CONFIG", default="")
AEGRA_HOST = env.str("AEGRA_HOST", default="127.0.0.1")
AEGRA_PORT = env.int("AEGRA_PORT", default=2026)

# --- database ---------------------------------------------------------------

DATABASE_URL = env.str("DATABASE_URL", default="")
EMBEDDED_POSTGRES = not DATABASE_URL
DATABASES: dict[str, dict[str, object]]
if EMBEDDED_POSTGRES:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            **connection_settings(AEGRA_DATA_DIR / "postgres"),
        }
    }
else:
    DATABASES = {"default": env.db_url("DATABASE_URL", engine="django.db.backends.postgresql")}
# What leads past a pooler (PgBouncer) to PostgreSQL itself; empty: DATABASE_URL does.
DATABASE_DIRECT_URL = env.str("DATABASE_DIRECT_URL", default="")
# A pooler that lends a connection for one transaction forgets statements and cursors.
DB_PREPARED_STATEMENTS = env.bool("DB_PREPARED_STATEMENTS", default=not DATABASE_DIRECT_URL)
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = bool(DATABASE_DIRECT_URL)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTO_MIGRATE = env.bool("AUTO_MIGRATE", default=True)
STARTUP_LOCK_SECONDS = env.float("STARTUP_LOCK_SECONDS", default=120.0)  # wait for another start
DB_CONNECT_SECONDS = env.float("DB_CONNECT_SECONDS", default=10.0)
# Connections per process: pools for HTTP, graphs and background jobs, one connection each for
# leases, notices, events and the jobs' announcements, and Django's own.
DB_HTTP_POOL_SIZE = env.int("DB_HTTP_POOL_SIZE", default=8)
DB_GRAPH_POOL_SIZE = env.int("DB_GRAPH_POOL_SIZE", default=12)
DB_BACKGROUND_POOL_SIZE = env.int("DB_BACKGROUND_POOL_SIZE", default=4)

# --- runs -------------------------------------------------------------------

ENGINE_SLOTS = env.int("ENGINE_SLOTS", default=100)  # runs executed at once in one process
RUN_LEASE_SECONDS = env.float("RUN_LEASE_SECONDS", default=30.0)  # of a dead process, then retried
RUN_MAX_ATTEMPTS = env.int("RUN_MAX_ATTEMPTS", default=3)  # as many dead processes fail a run
RUN_TIMEOUT_SECONDS = env.float("RUN_TIMEOUT_SECONDS", default=86_400.0)  # over all attempts
IDEMPOTENCY_HOURS = env.float("IDEMPOTENCY_HOURS", default=24.0)  # a sent key is known for so long
# The record of a run goes so long after its end, its checkpoints stay; 0: never.
RUN_RETENTION_DAYS = env.float("RUN_RETENTION_DAYS", default=0.0)
DRAIN_SECONDS = env.float("DRAIN_SECONDS", default=3.0)  # a stop waits for runs
# Also the messages of errors whose class only their author knows.
EXPOSE_ERRORS = env.bool("EXPOSE_ERRORS", default=DEBUG)
STREAM_HEARTBEAT_SECONDS = env.float("STREAM_HEARTBEAT_SECONDS", default=5.0)
EMBEDDING_TIMEOUT_SECONDS = env.float("EMBEDDING_TIMEOUT_SECONDS", default=30.0)
EVENT_RETENTION_SECONDS = env.float("EVENT_RETENTION_SECONDS", default=120.0)  # after a run's end
EVENT_BUS_URL = env.str("EVENT_BUS_URL", default="")  # redis://…; empty: PostgreSQL
EVENT_RING_MB = env.int("EVENT_RING_MB", default=64)  # events of ended runs kept for late joiners
STREAM_READER_LAG_MB = env.int("STREAM_READER_LAG_MB", default=64)  # a slower reader is dropped

BACKGROUND_JOBS = env.int("BACKGROUND_JOBS", default=10)  # webhooks, crons, upkeep at once
WEBHOOK_SECRET = env.str("WEBHOOK_SECRET", default="")  # signs what is sent; empty: unsigned
WEBHOOK_TIMEOUT_SECONDS = env.float("WEBHOOK_TIMEOUT_SECONDS", default=30.0)  # of one attempt
WEBHOOK_MAX_ATTEMPTS = env.int("WEBHOOK_MAX_ATTEMPTS", default=10)
WEBHOOK_RETRY_SECONDS = env.float(
    "WEBHOOK_RETRY_SECONDS", default=5.0
)  # before the second attempt; doubled with each, up to an hour
WEBHOOK_RETENTION_DAYS = env.float("WEBHOOK_RETENTION_DAYS", default=7.0)  # of the delivery log
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"
PROCRASTINATE_IMPORT_PATHS = ["common.background"]

# --- HTTP -------------------------------------------------------------------

# What answers paths of the API; stock is Django's own ASGI handler (aegra_project/handler.py).
API_HANDLER = env.choice("API_HANDLER", default="lean", words=("lean", "stock"))
MAX_BODY_MB = env.float("MAX_BODY_MB", default=50.0)
ALLOW_ANONYMOUS = env.bool("ALLOW_ANONYMOUS", default=False)  # serve beyond loopback without a key
EXTRA_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if ALLOW_ANONYMOUS else [])
ALLOWED_HOSTS = ["localhost", ".localhost", "127.0.0.1", "[::1]", *EXTRA_HOSTS]
CORS_ALLOW_ORIGINS = env.list("CORS_ALLOW_ORIGINS", default=[])  # besides localhost and Studio
try:
    SECRET_KEY = env.str("SECRET_KEY", default="") or kept_secret_key(AEGRA_DATA_DIR)
except OSError as exc:
    SECRET_KEY = secrets.token_urlsafe(50)
    env.problems.append(f"AEGRA_DATA_DIR={AEGRA_DATA_DIR} cannot be written: {exc.strerror}.")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Our own body limit answers 413 (common/body_limit); Django's would answer 400 at 2.5 MB.
DATA_UPLOAD_MAX_MEMORY_SIZE = None
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("HTTPS_ONLY", default=False)
SECURE_SSL_REDIRECT = env.bool("HTTPS_REDIRECT", default=False)
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_HSTS_SECONDS > 0
X_FRAME_OPTIONS = "DENY"

ROOT_URLCONF = "aegra_project.urls"
ASGI_APPLICATION = "aegra_project.asgi.application"
APPEND_SLASH = True

INSTALLED_APPS = [
    "aegra_project",  # first, so that its runserver is found before Django's
    "unfold",  # before admin: it replaces templates
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "procrastinate.contrib.django",
    "assistants",
    "threads",
    "runs",
    "crons",
    "store",
    "graphs",
]

# Pages (admin, static files) run Django's middleware; the API runs its own, all async.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
API_MIDDLEWARE = [
    "common.middleware.request_id",
    "common.middleware.cors",
    "common.middleware.known_host",
    "common.middleware.json_errors",
]
PAGE_PREFIXES = ("/admin", "/static")

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "DIRS": [],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- API --------------------------------------------------------------------

AEGRA_AUTHENTICATOR = "access.authenticate.authenticate"
REST_FRAMEWORK: dict[str, object] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_SCHEMA_CLASS": "aegra_project.description.ApiSchema",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Aegra Django",
    "DESCRIPTION": "A self-hosted server for LangGraph agents: Agent Protocol and LangGraph API.",
    "VERSION": VERSION,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "OAS_VERSION": "3.1.0",
    # Words of an enumeration stay where they are used: no generated names to collide.
    "POSTPROCESSING_HOOKS": [],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "TAGS": [
        {"name": "Assistants", "description": "Graphs, each with a configuration."},
        {"name": "Agents", "description": "Assistants under the Agent Protocol's names."},
        {"name": "Threads", "description": "Conversations."},
        {"name": "Thread state", "description": "What the checkpoints of a thread hold."},
        {"name": "Thread runs", "description": "Executions of a graph upon a thread."},
        {"name": "Stateless runs", "description": "Executions upon a thread of their own."},
        {"name": "Runs", "description": "Runs on any thread, as the Agent Protocol has them."},
        {"name": "Store", "description": "Long-term memory: items by namespace and key."},
        {"name": "System", "description": "What the server says of itself."},
    ],
}

# --- the rest ---------------------------------------------------------------

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "aegra_project.prefix.StaticFiles"},
}
WHITENOISE_USE_FINDERS = True
# Without collectstatic, files are served from the apps' own folders.
warnings.filterwarnings("ignore", message="No directory at", category=UserWarning)
WHITENOISE_AUTOREFRESH = DEBUG

# Where spans go, by OpenTelemetry's own variables; its SDK reads the rest of them itself.
OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", default="") or env.str(
    "OTEL_EXPORTER_OTLP_ENDPOINT", default=""
)
TRACING = bool(OTLP_ENDPOINT) and not env.bool("OTEL_SDK_DISABLED", default=False)
TRACE_CONTENT = env.bool("TRACE_CONTENT", default=False)  # what runs and steps are given and answer
METRICS_PORT = env.int("METRICS_PORT", default=0)  # /metrics on a port of its own; 0: none
ACCESS_LOG = env.bool("ACCESS_LOG", default=DEBUG)  # a line for each request, at level INFO
LOG_LEVEL = env.level("LOG_LEVEL", default="INFO")
# Text is for whoever looks on; a service's log is read by programs.
LOG_FORMAT = env.choice(
    "LOG_FORMAT", default="console" if DEBUG or sys.stderr.isatty() else "json", words=LOG_FORMATS
)
LOGGING = logging_config(level=LOG_LEVEL, form=LOG_FORMAT)

# --- what the system checks tell of -----------------------------------------

SETTINGS_PROBLEMS = env.problems
UNKNOWN_VARIABLES = env.unknown("AEGRA_")

"""Django's handle on the wiring (management commands live here)."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "meshweb.config"
    label = "meshweb_config"

    def ready(self) -> None:
        # So that tasks are sent to the configured broker from every process.
        import meshweb.config.celery  # noqa: F401

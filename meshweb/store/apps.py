"""Django's handle on the store."""

from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "meshweb.store"
    label = "store"
    verbose_name = "meshweb"
    default_auto_field = "django.db.models.BigAutoField"

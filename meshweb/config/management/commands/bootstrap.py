"""`manage.py bootstrap`: what a new installation needs before anything serves. Safe to run at every start."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from meshweb.controlplane import access, authority, documents
from meshweb.controlplane.actor import SYSTEM
from meshweb.kinds.parse import parse_document
from meshweb.store import sealing
from meshweb.store.models import MeshState

ADMIN_TOKEN_LIFE = timedelta(days=3650)
_DEFAULTS = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}},
    {"apiVersion": "meshweb.io/v1", "kind": "MeshConfig", "metadata": {"name": "default"}},
)


class Command(BaseCommand):
    help = "Makes the certificate authority, the local administrator and the first documents, when they are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        MeshState.objects.get_or_create(id=1)
        sealing.make_key_file()
        if authority.make_authority():
            self.stdout.write(f"made the certificate authority of {settings.TRUST_DOMAIN}")
        access.local_admin()
        if not _token_works(_token_path()):
            _, text = access.create_api_token(SYSTEM, "local administrator", access.SCOPES, ADMIN_TOKEN_LIFE)
            _write_private(_token_path(), text + "\n")
            self.stdout.write(f"wrote the local administrator's API token to {_token_path()}")
        if not MeshState.objects.get(id=1).revision:
            wishes = [documents.Wish(parsed.key, parsed) for parsed in map(parse_document, _DEFAULTS)]
            documents.write(SYSTEM, wishes, verb="bootstrap", reason="first documents")
        # Better to fail here than at the first join: the key-encryption key must open the keys of the CA.
        authority.authority()


def _token_path() -> Path:
    return Path(settings.DATA_DIR) / "admin.token"


def _token_works(path: Path) -> bool:
    try:
        return access.api_token(path.read_text().strip()) is not None
    except FileNotFoundError:
        return False


def _write_private(path: Path, text: str) -> None:
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)

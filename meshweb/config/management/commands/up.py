"""`manage.py up`: the whole control plane in the foreground."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from meshweb.config.supervisor.control_plane import Options, up


class Command(BaseCommand):
    help = "Starts databases and all processes, restarts what ends, and stops everything on Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=settings.WEB_PORT, help="console and REST on 127.0.0.1 (8080)")
        parser.add_argument("--tls-port", type=int, default=settings.TLS_PORT, help="the same and join, HTTPS (8443)")
        parser.add_argument("--xds-port", type=int, default=settings.XDS_PORT, help="proxies and agents, mTLS (15012)")
        parser.add_argument("--no-login-link", action="store_true", help="do not print a sign-in link when ready")

    def handle(self, *_args: Any, **options: Any) -> None:
        chosen = Options(
            data_dir=settings.DATA_DIR,
            port=options["port"],
            tls_port=options["tls_port"],
            xds_port=options["xds_port"],
            listen_host=settings.LISTEN_HOST,
            login_link=not options["no_login_link"],
        )
        sys.exit(asyncio.run(up(chosen)))

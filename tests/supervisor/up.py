"""`manage.py up` without Django: the real supervisor and the real databases around the stub."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from meshweb.config.supervisor.control_plane import Options, up

if __name__ == "__main__":
    data_dir, *ports = sys.argv[1:]
    port, tls_port, xds_port = map(int, ports)
    stub = str(Path(__file__).with_name("stub.py"))
    sys.exit(asyncio.run(up(Options(Path(data_dir), port, tls_port, xds_port, command=(sys.executable, stub)))))

"""Stands in for `manage.py`: its commands serve by waiting, as the real ones do, and do what the environment tells them."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path


def main() -> int:
    command = sys.argv[1]
    if command == "login_link":
        print("http://127.0.0.1/login?token=once")
        return 0
    print(f"{' '.join(sys.argv[1:])} runs", flush=True)
    if command == os.environ.get("STUB_FAILS"):
        print("the reason stands here", flush=True)
        return 3
    if command in {"migrate", "bootstrap"}:
        return 0
    if command in os.environ.get("STUB_DEAF", "").split():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready = Path(os.environ["MESHWEB_READY_FILE"])
    ready.with_suffix(".new").write_text(f"{os.getpid()}\n")
    ready.with_suffix(".new").replace(ready)
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())

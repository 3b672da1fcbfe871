"""`./dev`: reads the command line and hands over."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

from tools.devtools.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

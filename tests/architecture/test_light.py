"""What runs on a VM and on a laptop must not need the server's packages."""

from __future__ import annotations

import subprocess
import sys

import pytest

_IMPORT = """
import importlib, pkgutil, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"django", "rest_framework", "celery", "channels", "redis", "psycopg", "pydantic", "uvicorn"}:
            raise ImportError(f"{name} belongs to the server")

sys.meta_path.insert(0, Blocked())
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
    print(module.name)
"""


@pytest.mark.parametrize("package", ["meshweb.agent", "meshweb.cli"])
def test_every_module_imports_without_the_server(package: str) -> None:
    done = subprocess.run([sys.executable, "-c", _IMPORT, package], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{package}.main" in done.stdout

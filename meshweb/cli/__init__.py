"""meshctl: the command line of the mesh. It talks REST to the control plane and knows nothing else of it."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("meshweb")
except PackageNotFoundError:  # run from a source tree that was never installed
    VERSION = "0"

OK, FAILED, USAGE, NO, TIMED_OUT = 0, 1, 2, 3, 6
"""Exit codes."""

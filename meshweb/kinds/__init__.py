"""One folder per kind of document. A new kind is one folder and one line in `registry.py`; no kind imports another."""

"""How meshweb is run: units, container files, and the demo mesh."""

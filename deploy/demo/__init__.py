"""The demo mesh: a small shop of real programs, agents and Envoys on one machine."""

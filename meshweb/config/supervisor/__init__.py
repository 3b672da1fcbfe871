"""Runs programs in order, waits until each serves, starts them again when they end, and stops them without a trace. No Django."""

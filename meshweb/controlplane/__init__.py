"""Use cases: every write, what is published from it, who may join, and what became of it all."""

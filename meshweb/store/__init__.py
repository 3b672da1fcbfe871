"""The archive: tables, constraints, and loaders that turn rows into intent in a fixed number of queries."""

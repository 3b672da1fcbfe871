"""The xDS server's ports, on the database and Redis. All blocking work runs on threads; the event loop only hands over."""

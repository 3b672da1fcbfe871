"""Gateway API `gateway.networking.k8s.io/v1` Gateway."""

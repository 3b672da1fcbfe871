"""Istio `networking.istio.io/v1` Sidecar."""

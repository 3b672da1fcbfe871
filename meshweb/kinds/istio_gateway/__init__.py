"""Istio `networking.istio.io/v1` Gateway."""

"""Kubernetes `v1` Secret, for the certificates of gateways."""

"""The installation's own settings as the core knows them."""

from __future__ import annotations

from django.conf import settings

from meshweb.core.intent import MeshSettings


def mesh_settings() -> MeshSettings:
    return MeshSettings(
        mesh=settings.MESH_NAME,
        trust_domain=settings.TRUST_DOMAIN,
        dns_suffix=settings.DNS_SUFFIX,
        root_namespace=settings.ROOT_NAMESPACE,
    )

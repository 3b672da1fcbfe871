"""Every table, by noun."""

from meshweb.store.models.access import ApiToken, AuditEntry, LoginLink
from meshweb.store.models.certificate import Certificate, CertificateAuthority, CertificateJob
from meshweb.store.models.configuration import ConfigBlob, ConfigClass, ConfigSection
from meshweb.store.models.keys import JwksDocument
from meshweb.store.models.proxy import JoinToken, JoinTokenUse, Proxy, ProxyTypeState, RevisionProxy
from meshweb.store.models.resource import LocalAddress, Reference, Resource, ResourceStatus, ResourceVersion
from meshweb.store.models.revision import MeshState, Revision
from meshweb.store.models.telemetry import (
    AccessRecord,
    BackendBucket,
    CalledPort,
    DenialBucket,
    EdgeBucket,
    EndpointHealth,
    LimitBucket,
    LostAccessRecords,
    TelemetryReport,
)

__all__ = [
    "AccessRecord",
    "ApiToken",
    "AuditEntry",
    "BackendBucket",
    "CalledPort",
    "Certificate",
    "CertificateAuthority",
    "CertificateJob",
    "ConfigBlob",
    "ConfigClass",
    "ConfigSection",
    "DenialBucket",
    "EdgeBucket",
    "EndpointHealth",
    "JoinToken",
    "JoinTokenUse",
    "JwksDocument",
    "LimitBucket",
    "LocalAddress",
    "LoginLink",
    "LostAccessRecords",
    "MeshState",
    "Proxy",
    "ProxyTypeState",
    "Reference",
    "Resource",
    "ResourceStatus",
    "ResourceVersion",
    "Revision",
    "RevisionProxy",
    "TelemetryReport",
]

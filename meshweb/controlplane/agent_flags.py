"""What agents say of themselves, at the join and whenever they start; and which of it their group permits."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from meshweb.controlplane.errors import InvalidDocuments
from meshweb.core.errors import Violation
from meshweb.core.names import GATEWAY_LABELS, is_dns_label
from meshweb.identity import csr
from meshweb.kinds.base import violations_of
from meshweb.kinds.workload_group.spec import WorkloadGroupSpec

_PRINTABLE = r"^[\x20-\x7e]*$"


class Flags(BaseModel):
    """How a proxy takes part. Addresses are IP addresses, without zone. gateway: the name under which it wants to serve Gateways;
    empty: it is a sidecar."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, populate_by_name=True, strict=True)

    mode: Literal["loopback", "proxy", "explicit"]
    bind: Annotated[str, Field(max_length=45)]
    app_address: Annotated[str, Field(max_length=45)] = "127.0.0.1"
    loopback_range: Annotated[str, Field(max_length=49)] = "127.77.0.0/16"
    gateway: Annotated[str, Field(max_length=63)] = ""
    agent_version: Annotated[str, Field(max_length=64, pattern=_PRINTABLE)] = ""
    envoy_version: Annotated[str, Field(max_length=64, pattern=_PRINTABLE)] = ""

    @field_validator("bind", "app_address")
    @classmethod
    def _address(cls, text: str) -> str:
        if "%" in text:
            raise ValueError("must be an address without zone")
        return str(ipaddress.ip_address(text))

    @field_validator("loopback_range")
    @classmethod
    def _loopback(cls, text: str) -> str:
        network = ipaddress.ip_network(text)
        if not network.is_loopback or network.num_addresses < 4:
            raise ValueError("must be a range inside 127.0.0.0/8 with at least four addresses")
        return str(network)

    @field_validator("gateway")
    @classmethod
    def _gateway(cls, text: str) -> str:
        return _checked_label(text) if text else ""


def _checked_label(text: str) -> str:
    if not is_dns_label(text):
        raise ValueError("must be a DNS label: a-z, 0-9 and '-', at most 63 characters")
    return text


class JoinRequest(Flags):
    id: Annotated[str, Field(max_length=64)]
    secret: Annotated[str, Field(max_length=128)]
    csr: Annotated[str, Field(max_length=csr.MAX_CSR_BYTES)]
    name: Annotated[str, Field(min_length=1, max_length=63)]

    @field_validator("name")
    @classmethod
    def _label(cls, text: str) -> str:
        return _checked_label(text)


def validated(model: type[Any], payload: object) -> Any:
    """Raises InvalidDocuments."""
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        raise InvalidDocuments([(0, violation) for violation in violations_of(error, payload)]) from None


def why_no_gateway(name: str, group_name: str, group: WorkloadGroupSpec | None) -> str | None:
    """The operator decides who may be a gateway, by the labels of the group; a machine only asks."""
    labels = group.metadata.labels if group is not None else {}
    if not name or any(labels.get(label) == name for label in GATEWAY_LABELS):
        return None
    wanted = " or ".join(f"{label}: {name}" for label in GATEWAY_LABELS)
    return f"WorkloadGroup {group_name} makes no gateway {name}: its spec.metadata.labels need {wanted}"


def not_a_gateway(why: str) -> InvalidDocuments:
    return InvalidDocuments([(0, Violation("/gateway", "not_permitted", why))])

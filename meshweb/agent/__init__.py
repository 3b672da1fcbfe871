"""The agent beside Envoy on a VM: joins, renews, relays xDS, serves secrets, supervises Envoy, reports. No Django."""

VERSION = "0.1.0"

"""The xDS server: gRPC over mTLS for agents and proxies. Knows snapshots and streams; knows nothing of Django or of intent."""

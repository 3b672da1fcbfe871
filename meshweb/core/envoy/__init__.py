"""IR in, Envoy resources out. Small builders, nothing but frozen values in and protobuf out."""

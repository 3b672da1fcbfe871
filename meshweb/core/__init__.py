"""The pure heart of the control plane: stored intent in, conditions and Envoy configuration out. No I/O, no clock, no Django."""

"""Who is who: SPIFFE IDs, keys, certificate requests, issuing, rotation, sealing, pins and join tokens.

Pure: no I/O, time is an argument, randomness may be one.
"""

"""The intermediate representation: what all kinds write and the Envoy translators read.

It holds neither documents nor protobuf. Two kinds that say the same thing produce equal values here, hence the same bytes.
All values are frozen and hashable: the compiler caches what it builds from them by equality.

services: what can be called. routing: how requests are matched and sent on. traffic_policy: how a caller treats a destination.
gateways: what a gateway opens. security: who may call.
"""

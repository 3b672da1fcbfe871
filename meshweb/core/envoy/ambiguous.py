"""Paths that applications read in different ways."""

from __future__ import annotations

from meshweb.core.envoy.values import Json

AMBIGUOUS: Json = {"match": {"safe_regex": {"regex": r"\C*/[;/]\C*"}}, "direct_response": {"status": 400}}
"""First of the routes before an application: `/;/admin` is `/admin` where parameters of segments are dropped before slashes are merged
(Servlet containers do), and no policy could say which it means. Envoy itself resolves `/public/..;/admin` to `/admin`, and leaves of
nothing but slashes two."""

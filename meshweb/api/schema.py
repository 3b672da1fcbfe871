"""The OpenAPI document: one schema per kind, made from the very models that parse its documents."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from meshweb.kinds.base import Kind
from meshweb.kinds.registry import KINDS

_PROBLEM = {
    "description": "What went wrong (RFC 9457).",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    """Registers itself with drf-spectacular."""

    target_class = "meshweb.api.auth.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API token: mwt_…"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    """Registers itself with drf-spectacular."""

    target_class = "meshweb.api.auth.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "meshweb_session"}


class Schema(AutoSchema):
    """Tags by noun; documents are named by their kind."""

    def get_tags(self) -> list[str]:
        kind: Kind | None = getattr(self.view, "kind", None)
        return [kind.plural] if kind is not None else [self.path.removeprefix("/api/v1/").split("/", 1)[0]]

    def get_operation_id(self) -> str:
        kind: Kind | None = getattr(self.view, "kind", None)
        if kind is None:
            return str(super().get_operation_id())
        action = {"GET": "retrieve", "POST": "create", "PUT": "replace", "PATCH": "patch", "DELETE": "destroy"}[self.method]
        listing = self.method == "GET" and not self.path.endswith("{name}")
        return f"{kind.plural}_{'list' if listing else action}"


def finish(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Post-processing: kinds get their own schemas and examples, every operation its problem."""
    from meshweb.api import shapes

    components = result["components"]["schemas"]
    components.update(_definitions(shapes.Problem))
    for kind in KINDS:
        components.update(_kind_schemas(kind))
    for path, methods in result["paths"].items():
        own = next((kind for kind in KINDS if f"/{kind.plural}" in path), None)
        for operation in methods.values():
            operation["responses"]["default"] = _PROBLEM
            if own is not None:
                _specialise(operation, own)
    result["components"]["schemas"] = dict(sorted(components.items()))
    return result


def _definitions(model: Any) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    found = schema.pop("$defs", {})
    return {**found, model.__name__: schema}


def _kind_schemas(kind: Kind) -> dict[str, Any]:
    """`HTTPRoute`, `HTTPRouteSpec` and the parts of the spec (`HTTPRoute.Rule`)."""
    spec = kind.spec.model_json_schema(ref_template=f"#/components/schemas/{kind.kind}.{{model}}")
    parts = {f"{kind.kind}.{name}": part for name, part in spec.pop("$defs", {}).items()}
    name = f"{kind.kind}Spec"
    document = {
        "type": "object",
        "title": kind.kind,
        "description": kind.summary,
        "required": ["apiVersion", "kind", "metadata", *(spec.get("required", ()) if kind.top_level else ("spec",))],
        "properties": {
            "apiVersion": {"type": "string", "enum": [kind.api_version, *kind.older_versions]},
            "kind": {"type": "string", "const": kind.document_kind},
            "metadata": {"$ref": "#/components/schemas/Metadata"},
            **(spec["properties"] if kind.top_level else {"spec": {"$ref": f"#/components/schemas/{name}"}}),
            "status": {"$ref": "#/components/schemas/DocumentStatus"},
        },
        "examples": [dict(kind.example)],
    }
    return {**parts, **({} if kind.top_level else {name: spec}), kind.kind: document}


def _specialise(operation: dict[str, Any], kind: Kind) -> None:
    """`Document` in a kind's own operations is that kind."""
    text = json.dumps({key: operation[key] for key in ("requestBody", "responses") if key in operation}, default=str)
    text = text.replace('"#/components/schemas/Document"', f'"#/components/schemas/{kind.kind}"')
    operation.update(json.loads(text))
    for content in operation.get("requestBody", {}).get("content", {}).values():
        content["example"] = dict(kind.example)

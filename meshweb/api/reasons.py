"""Why callers may call, in shapes."""

from __future__ import annotations

from typing import Literal

from meshweb.api import shapes
from meshweb.core.reach import Reach, Reason

ACCESS: dict[Reach, Literal["allowed", "partly", "denied"]] = {
    Reach.ALWAYS: "allowed",
    Reach.SOMETIMES: "partly",
    Reach.NEVER: "denied",
}


def reason_shape(reason: Reason) -> shapes.AccessReason:
    return shapes.AccessReason(
        effect=reason.effect.value,
        document=str(reason.document) if reason.document is not None else None,
        rule=reason.rule + 1 if reason.rule is not None else None,
        field=reason.field,
        certain=reason.certain,
        anyone=reason.anyone,
    )

"""Plans, reports and problems for machines: one document, with published schemas."""

from __future__ import annotations

from typing import Any

import msgspec

from reconciler.core.values.problems import worst_first
from reconciler.core.values.redaction import json_escaped, masked
from reconciler.model.change import Action, Blocked, Change, Plan
from reconciler.model.customer import Customer, TokenRotation
from reconciler.model.errors import ReconcilerError
from reconciler.model.manifest import Origin, Validation
from reconciler.model.outcome import Report, Result
from reconciler.model.secret import Secret
from reconciler.model.state import Certificate, Value
from reconciler.render.words import settings

Document = dict[str, Any]
API_VERSION = "reconciler/v1"


def dumps(document: Document, *, secret: bool = False) -> bytes:
    """The document as UTF-8, with nothing invisible in it, a newline at its end.

    Without secrets, unless it is meant to hold one.
    """
    shown = document if secret else masked(document)
    try:
        encoded = msgspec.json.encode(shown)
    except UnicodeEncodeError:
        encoded = msgspec.json.encode(_sound(shown))
    return json_escaped(msgspec.json.format(encoded, indent=2)) + b"\n"


def _sound(value: Any) -> Any:
    """The value with an escape for what no JSON can hold: half a surrogate, as in a file name that is no text."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_sound(key): _sound(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_sound(each) for each in value]
    return value


def plan(plan: Plan) -> Document:
    """As plan.schema.json has it."""
    acting = {str(action): sum(change.action is action for change in plan.changes) for action in Action}
    summary = {
        "unchanged": plan.unchanged,
        "unmanaged": len(plan.unmanaged),
        "blocked": len(plan.blocked),
        "duplicates": len(plan.duplicates),
        "risks": sum(bool(change.risks) for change in plan.changes),
    }
    return {
        **_head("Plan", plan),
        "summary": acting | summary,
        "organizations": [
            {
                "organization": name,
                "id": each.id,
                "displayName": each.display_name,
                "domains": list(each.domains),
                "adopted": each.adopted,
            }
            for name, each in plan.targets.items()
        ],
        "loosened": list(plan.loosened),
        "observedAgeS": plan.age_s,
        "scope": _scope(plan),
        "released": _released(plan),
        "sharedDomains": [{"domain": each.name, "ids": list(each.ids)} for each in plan.shared_domains],
        "changes": [_change(change) for change in plan.changes],
        "unmanaged": [
            {"kind": each.kind, "id": each.id, "displayName": each.display_name, "organization": each.organization}
            for each in plan.unmanaged
        ],
        "pins": [
            {
                "kind": pin.kind,
                "organization": pin.organization,
                "name": pin.name,
                "id": pin.id,
                **_place(pin.origin),
            }
            for pin in plan.pins
        ],
        "blocked": [_blocked(each) for each in plan.blocked],
        "duplicates": _duplicates(plan),
        "hints": [
            {"reason": each.reason, "message": each.message, "organization": each.organization, "name": each.name}
            for each in plan.hints
        ],
        "suspended": [{"organization": name, "reason": reason} for name, reason in plan.suspended.items()],
        "refusals": _refusals(plan),
    }


def report(report: Report) -> Document:
    """As report.schema.json has it."""
    return {
        **_head("Report", report.plan),
        "environmentId": report.environment_id or report.plan.environment_id,
        "summary": {str(result): sum(o.result is result for o in report.outcomes) for result in Result}
        | {"blockedInPlan": len(report.plan.blocked), "duplicates": len(report.plan.duplicates)},
        "outcomes": [
            {**_change(o.change), "id": o.id, "result": o.result, "error": o.error} for o in report.outcomes
        ],
        "blocked": [_blocked(each) for each in report.plan.blocked],
        "duplicates": _duplicates(report.plan),
        "refusals": _refusals(report.plan),
        "halt": None if report.halt is None else {"code": report.halt.code, "message": report.halt.message},
    }


def validation(validation: Validation) -> Document:
    """As validation.schema.json has it."""
    errors, problems = validation.errors, validation.problems
    return {
        "apiVersion": API_VERSION,
        "kind": "Validation",
        "summary": {
            "files": validation.files,
            "manifests": validation.manifests,
            "errors": errors,
            "warnings": len(problems) - errors,
        },
        "problems": [
            {
                "rule": problem.rule,
                "severity": problem.severity,
                **_place(problem.origin),
                "message": problem.message,
                "hint": problem.hint,
            }
            for problem in worst_first(problems)
        ],
    }


def customer(customer: Customer) -> Document:
    """As customer.schema.json has it."""
    organization = customer.organization
    return {
        "apiVersion": API_VERSION,
        "kind": "Customer",
        "id": organization.id,
        "environmentId": organization.environment_id,
        "externalId": organization.external_id,
        "displayName": organization.display_name,
        "domains": list(organization.domains),
        "samlConnections": [
            {
                "id": each.id,
                "primary": each.primary,
                "spEntityId": each.sp_entity_id,
                "spAcsUrl": each.sp_acs_url,
                **{
                    field.wire: _value(shown)
                    for field, shown in settings(each, customer.certificates.get(each.id))
                },
            }
            for each in customer.connections
        ],
        "scimDirectories": [
            {
                "id": each.id,
                "primary": each.primary,
                "scimBaseUrl": each.scim_base_url,
                "hasBearerToken": each.has_client_bearer_token,
            }
            for each in customer.directories
        ],
    }


def setup_link(link: Secret) -> Document:
    """As setuplink.schema.json has it: the one document that holds a secret."""
    return {"apiVersion": API_VERSION, "kind": "SetupLink", "url": link.reveal()}


def token_rotation(rotation: TokenRotation) -> Document:
    """As bearertoken.schema.json has it; never the token itself."""
    return {
        "apiVersion": API_VERSION,
        "kind": "BearerToken",
        "id": rotation.directory_id,
        "delivered": rotation.delivered,
    }


def error(error: ReconcilerError) -> Document:
    """As error.schema.json has it."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Error",
        "error": {"code": error.code, "message": error.message, "hint": error.hint},
    }


def _head(kind: str, plan: Plan) -> Document:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "environment": plan.environment,
        "environmentId": plan.environment_id,
        "environmentPin": plan.pin,
        "revision": plan.revision,
        "digest": plan.digest,
    }


def _change(change: Change) -> Document:
    return {
        "action": change.action,
        "kind": change.key.kind,
        "organization": change.key.organization,
        "name": change.key.name,
        "id": change.live_id,
        **_place(change.origin),
        "fields": [
            {"path": field.path, "before": _value(field.before), "after": _value(field.after), "risk": field.risk}
            for field in change.fields
        ],
        "risk": change.risk,
        "implied": [{"id": each.id, "name": each.name} for each in change.implied],
    }


def _value(value: Value | None) -> Any:
    if isinstance(value, Certificate):
        return {"sha256": value.sha256, "notAfter": value.not_after}
    return value


def _blocked(block: Blocked) -> Document:
    return {
        "reason": block.reason,
        "message": block.message,
        "organization": block.organization,
        "kind": block.kind,
        "name": block.name,
        **_place(block.origin),
    }


def _scope(plan: Plan) -> Document | None:
    scope = plan.scope
    if scope is None:
        return None
    return {"base": scope.base, "touched": scope.touched, "declared": scope.declared}


def _released(plan: Plan) -> list[Document]:
    return [
        {
            "id": each.id,
            "displayName": each.display_name,
            "domains": list(each.domains),
            "organization": each.organization,
            "file": each.file,
        }
        for each in plan.released
    ]


def _duplicates(plan: Plan) -> list[Document]:
    return [
        {
            "kind": each.kind,
            "organization": each.organization,
            "name": each.name,
            "ids": list(each.ids),
            "message": each.message,
        }
        for each in plan.duplicates
    ]


def _refusals(plan: Plan) -> list[Document]:
    return [{"rule": each.rule, "message": each.message} for each in plan.refusals]


def _place(origin: Origin) -> Document:
    return {"file": origin.file, "line": origin.line, "column": origin.column}

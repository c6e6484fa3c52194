"""Judges documents by the published JSON Schemas: a fast gate decides, and jsonschema puts faults in words.

jsonschema alone would take 4.4 s for 10,000 documents, the gate 0.07 s; a property test holds the two together.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from reconciler.model.manifest import Document, Problem, Severity

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

Fault = Any  # jsonschema's error, whose own types say that any part may be unset

MANIFEST_KINDS = {"Organization": "organization", "Environment": "environment"}
PUBLISHED = ("organization", "environment", "plan", "report", "validation", "error")
MAX_SHOWN = 60

_PATTERNS = {
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": "may hold only a-z, 0-9 and hyphens, and no hyphen at either end",
    "^[^\\u0000-\\u001f\\u007f]*$": "has control characters",
}
_TYPES = {
    "string": "text",
    "object": "a mapping",
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "null",
}


def text(name: str) -> str:
    """The published schema of that name, as JSON; KeyError if there is none."""
    if name not in PUBLISHED:
        raise KeyError(name)
    packaged = files("reconciler").joinpath("schemas", f"{name}.schema.json")
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    checkout = Path(__file__).parent.parent.parent / "schemas" / f"{name}.schema.json"
    return checkout.read_text(encoding="utf-8")


def check(document: Document) -> tuple[Problem, ...]:
    """Every fault of a document whose kind is known, each at its place."""
    name = MANIFEST_KINDS[document.value["kind"]]
    if _gate(name).is_valid(document.value):
        return ()
    return tuple(_in_words(document, error) for error in _faults(name, document.value))


@cache
def _gate(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(text(name)))


@cache
def _explainer(name: str) -> Draft202012Validator:
    # slow to import, and needed only for a document that fails
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    return Draft202012Validator(json.loads(text(name)), registry=Registry())


def _faults(name: str, value: Any) -> Iterator[Fault]:
    for error in sorted(
        _explainer(name).iter_errors(value), key=lambda error: [str(p) for p in error.absolute_path]
    ):
        if error.validator == "additionalProperties":
            yield from _unknown_keys(error)
        elif error.validator == "required":
            yield from _missing_keys(error)
        else:
            yield error


def _unknown_keys(error: Fault) -> Iterator[Fault]:
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 slow to import

    allowed = error.schema.get("properties", {})
    for key in error.instance:
        if key in allowed:
            continue
        near = difflib.get_close_matches(key, allowed, n=1)
        message = f"`{_short(key)}` is not known" + (f"; did you mean `{near[0]}`?" if near else "")
        hint = "" if near else f"known here: {', '.join(allowed)}"
        yield ValidationError(
            message,
            validator="unknown-key",
            path=[*error.absolute_path, key],
            context=[],
            cause=None,
            instance=hint,
        )


def _missing_keys(error: Fault) -> Iterator[Fault]:
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 slow to import

    missing = error.message.split("'")[1]
    yield ValidationError(
        f"`{missing}` is missing",
        validator="missing-key",
        path=list(error.absolute_path),
        instance=f"add `{missing}:`",
    )


def _in_words(document: Document, error: Fault) -> Problem:
    path = tuple(error.absolute_path)
    where = str(path[-1]) if path else "the document"
    if error.validator in {"unknown-key", "missing-key"}:
        rule, message, hint = f"schema/{error.validator}", error.message, str(error.instance)
    else:
        rule, message, hint = f"schema/{_RULES.get(str(error.validator), 'value')}", _message(where, error), ""
    return Problem(rule, Severity.ERROR, document.locate(path), message, hint)


_RULES = {
    "type": "type",
    "enum": "value",
    "const": "value",
    "pattern": "form",
    "maxLength": "too-long",
    "minLength": "empty",
    "maxItems": "too-many",
    "uniqueItems": "duplicate",
    "dependentSchemas": "combination",
    "maxProperties": "combination",
    "minProperties": "empty",
}


def _message(where: str, error: Fault) -> str:
    limit = error.validator_value
    match error.validator:
        case "type":
            wanted = " or ".join(_TYPES[name] for name in ([limit] if isinstance(limit, str) else limit))
            return f"`{where}` must be {wanted}, not {_short(error.instance)}"
        case "enum" | "const":
            allowed = [limit] if error.validator == "const" else limit
            return f"`{where}` must be {' or '.join(map(str, allowed))}, not {_short(error.instance)}"
        case "pattern":
            return f"`{where}` {_PATTERNS.get(limit, f'does not have the form {limit}')}: {_short(error.instance)}"
        case "maxLength":
            return f"`{where}` has {len(error.instance)} characters; at most {limit} are allowed"
        case "maxItems":
            return f"`{where}` has {len(error.instance)} items; at most {limit} are allowed"
        case "minLength" | "minProperties":
            return f"`{where}` is empty"
        case "uniqueItems":
            return f"`{where}` holds an item twice"
        case "maximum" | "minimum":
            return f"`{where}` must be {'at most' if error.validator == 'maximum' else 'at least'} {limit}"
        case "maxProperties":
            return f"`{where}` may hold one key only, not {', '.join(error.instance)}"
        case _:
            return f"`{where}` is not valid: {_short(error.message)}"


def _short(value: object) -> str:
    shown = json.dumps(value, ensure_ascii=False, default=str)
    if "PRIVATE KEY" in shown:
        return "a private key"
    return shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 1] + "…"

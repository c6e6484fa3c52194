"""Says in words, with the place and what to do, why a document does not keep its schema.

jsonschema's own words show whole values and speak of schemas; here every kind of fault has a sentence and a hint.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry

from reconciler.core.values.problems import Fault, shown
from reconciler.model.manifest import Document, Path, Problem
from reconciler.source.scalars import quoted

MAX_PROBLEMS = 100  # of a document
_MAX_ERRORS = 1_000  # looked at before they are put in order

Schema = Mapping[str, Any]
Error = Any  # jsonschema's own types say that any part may be unset


def problems(document: Document, schema: str) -> tuple[Problem, ...]:
    """Every fault of a document that does not keep the schema, in order of place; at least one."""
    errors = islice(_validator(schema).iter_errors(document.value), _MAX_ERRORS)
    found = list(dict.fromkeys(each for error in errors for each in _faults(error, document)))
    placed = [fault.at(document.locate(path)) for path, fault in found[:MAX_PROBLEMS]]
    if len(found) > MAX_PROBLEMS:
        placed.append(_MORE.at(max(each.origin for each in placed)))
    return tuple(sorted(placed, key=lambda each: (each.origin, each.rule))) or (_UNSAID.at(document.origin),)


@cache
def _validator(schema: str) -> Any:
    whole = extend(Draft202012Validator, {"pattern": _pattern, "items": _items})  # type: ignore[no-untyped-call]  # it has none
    return whole(json.loads(schema), registry=Registry())  # an empty registry: nothing is ever fetched


def _pattern(_: Any, pattern: str, value: Any, schema: Schema) -> Iterator[ValidationError]:
    """As the standard has it: `$` is the end of the text, where Python also takes it for a newline before that."""
    del schema
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError("does not match")


def _items(validator: Any, items: Any, value: Any, schema: Schema) -> Iterator[ValidationError]:
    """Of a list that is too long only the beginning is looked at."""
    if isinstance(value, list):
        for index, item in enumerate(value[: schema["maxItems"]]):
            yield from validator.descend(item, items, path=index)


def _faults(error: Error, document: Document) -> Iterator[tuple[Path, Fault]]:
    """What one error of jsonschema's means, each with the path of its place."""
    path: Path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        for key in islice(
            (key for key in error.instance if key not in error.schema["properties"]), MAX_PROBLEMS + 1
        ):
            yield (*path, key), _unknown_key(key, tuple(error.schema["properties"]))
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                yield path, Fault("schema/missing-key", f"`{key}` is missing", f"add `{key}:`")
    elif "propertyNames" in error.absolute_schema_path:
        message = f"a key in `{path[-1]}` has more than {error.validator_value} characters"
        yield (*path, error.instance), Fault("schema/too-long", message, "shorten it")
    else:
        where = shown(str(path[-1])) if path else "the document"
        if path and isinstance(path[-1], int):
            where = f"item {path[-1] + 1} of `{path[-2]}`"
        yield path, _SAID[error.validator](where, error, document.written(path))


# -- one sentence for each keyword of the schemas ----------------------------------------------------


def _unknown_key(key: str, known: tuple[str, ...]) -> Fault:
    near = difflib.get_close_matches(key, known, n=1)
    message = f"{shown(key)} is not known" + (f"; did you mean `{near[0]}`?" if near else "")
    return Fault("schema/unknown-key", message, f"known here: {', '.join(known)}")


def _type(where: str, error: Error, written: str) -> Fault:
    wanted = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
    value = error.instance
    message = f"{where} must be {' or '.join(_TYPES[name] for name in wanted)}, not {_kind(value, written)}"
    if value is None:
        hint = "give it a value, or remove the line"
    elif "string" in wanted and written:
        hint = quoted(written)
    else:
        hint = _TYPE_HINTS[wanted[0]]
    return Fault("schema/type", message, hint)


def _kind(value: Any, written: str) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f"the text {shown(value)}"
    if value is None:
        return "null"
    spelled = shown(written or json.dumps(value))
    return spelled if isinstance(value, bool) else f"the number {spelled}"


def _choice(where: str, error: Error, written: str) -> Fault:
    del written
    allowed = [error.validator_value] if error.validator == "const" else error.validator_value
    value = error.instance
    near = difflib.get_close_matches(value, allowed, n=1) if isinstance(value, str) else []
    message = f"{where} must be {' or '.join(f'`{each}`' for each in allowed)}, not {_plainly(value)}"
    return Fault("schema/value", message, f"write `{near[0] if near else allowed[0]}`")


def _plainly(value: Any) -> str:
    return shown(value) if isinstance(value, str) else _kind(value, "")


def _form(where: str, error: Error, written: str) -> Fault:
    del written
    message, hint = _FORMS[error.validator_value]
    return Fault("schema/form", f"{where} {message}: {shown(error.instance)}", hint)


def _too_long(where: str, error: Error, written: str) -> Fault:
    del written
    message = f"{where} has {len(error.instance):,} characters; at most {error.validator_value:,} are allowed"
    return Fault("schema/too-long", message, "shorten it")


def _too_many(where: str, error: Error, written: str) -> Fault:
    del written
    message = f"{where} has {len(error.instance):,} items; at most {error.validator_value} are allowed"
    return Fault("schema/too-many", message, "remove some, or ask whether one organization needs so many")


def _empty(where: str, error: Error, written: str) -> Fault:
    del written
    if isinstance(error.instance, dict):
        hint = f"state one of these in it, or remove it: {', '.join(error.schema['properties'])}"
    elif "null" in error.schema["type"]:
        hint = "write null to clear it, or remove the line to leave it as it is"
    else:
        hint = "give it a value, or remove the line"
    return Fault("schema/empty", f"{where} is empty", hint)


def _twice(where: str, error: Error, written: str) -> Fault:
    del error, written
    return Fault("schema/duplicate", f"{where} holds an item twice", "keep one")


def _bound(where: str, error: Error, written: str) -> Fault:
    bound = "at most" if error.validator == "maximum" else "at least"
    message = f"{where} must be {bound} {error.validator_value}, not {shown(written)}"
    return Fault("schema/value", message, f"write a number that is {bound} {error.validator_value}")


def _combination(where: str, error: Error, written: str) -> Fault:
    del written
    if error.validator_value > 1:
        message = f"{where} has {len(error.instance):,} keys; at most {error.validator_value} are allowed"
        return Fault("schema/too-many", message, "remove some")
    stated = ", ".join(f"`{key}`" for key in error.instance)
    if "metadata" in error.instance:
        hint = "`metadata` gives all three values: remove the others, or remove it"
    else:
        hint = "keep one of them"
    return Fault("schema/combination", f"{where} may hold one key only, not {stated}", hint)


_SAID = {
    "type": _type,
    "const": _choice,
    "enum": _choice,
    "pattern": _form,
    "maxLength": _too_long,
    "maxItems": _too_many,
    "minLength": _empty,
    "minProperties": _empty,
    "uniqueItems": _twice,
    "maximum": _bound,
    "minimum": _bound,
    "maxProperties": _combination,
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
_TYPE_HINTS = {
    "string": "write a single text",
    "object": "write `key: value` lines, indented below it",
    "array": "write one item per line below it, each beginning with `- `, or all in brackets",
    "boolean": "write true or false, without quotes",
    "integer": "write digits, without quotes",
    "number": "write digits, without quotes",
}
_COPY = "copy the whole id, as a plan or `reconciler show` prints it"
_FORMS = {
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": (
        "may hold only a-z, 0-9 and hyphens, and no hyphen at either end",
        "choose a handle such as `acme-corp`; the name for people is `displayName`",
    ),
    "^[^\\u0000-\\u001f\\u007f]*$": (
        "has control characters or line breaks",
        "write it on one line, without them",
    ),
    "^env_[0-9a-z]{25}$": ("is not `env_` and 25 of 0-9 and a-z", _COPY),
    "^org_[0-9a-z]{25}$": ("is not `org_` and 25 of 0-9 and a-z", _COPY),
    "^saml_conn_[0-9a-z]{25}$": ("is not `saml_conn_` and 25 of 0-9 and a-z", _COPY),
    "^scim_directory_[0-9a-z]{25}$": ("is not `scim_directory_` and 25 of 0-9 and a-z", _COPY),
    "^(org_|saml_conn_|scim_directory_)[0-9a-z]{25}$": ("is not the id of a live object", _COPY),
}
_MORE = Fault(
    "schema/too-many-problems",
    f"this document has more than {MAX_PROBLEMS} problems; these are the first",
    "mend these, then validate again",
)
_UNSAID = Fault(
    "schema/invalid",
    "the document does not keep its schema, and no words were found for it",
    "compare it with `reconciler schema`, and report this as a fault of the reconciler",
)

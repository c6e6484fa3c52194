"""Says in plain words how a document breaks its schema: what, where, and what to do.

jsonschema's own messages print whole values and speak of schemas. Here each keyword has one message and one hint;
those of a `pattern` stand beside it in the schema, as `patternErrorMessage` (editors show it too) and `x-hint`.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
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

MAX_PROBLEMS = 100  # per document
_MAX_ERRORS = 1_000  # looked at before they are sorted

Schema = Mapping[str, Any]
Error = Any  # jsonschema's own types say that any part may be unset


def problems(document: Document, schema: str) -> tuple[Problem, ...]:
    """All faults of a document that breaks the schema, sorted by place; at least one, at most MAX_PROBLEMS + 1."""
    errors = islice(_validator(schema).iter_errors(document.value), _MAX_ERRORS)
    found = list(dict.fromkeys(each for error in errors for each in _faults(error, document)))
    placed = [fault.at(document.locate(path)) for path, fault in found[:MAX_PROBLEMS]]
    if len(found) > MAX_PROBLEMS:
        placed.append(_MORE.at(max(each.origin for each in placed)))
    return tuple(sorted(placed, key=lambda each: (each.origin, each.rule))) or (_UNEXPLAINED.at(document.origin),)


@cache
def _validator(schema: str) -> Any:
    whole = extend(Draft202012Validator, {"pattern": _pattern, "items": _items})  # type: ignore[no-untyped-call]  # it has none
    return whole(json.loads(schema), registry=Registry())  # an empty registry: nothing is ever fetched


def _pattern(_: Any, pattern: str, value: Any, __: Schema) -> Iterator[ValidationError]:
    """As the standard has it: `$` is the end of the text, where Python also matches before a last newline."""
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError("does not match")


def _items(validator: Any, items: Any, value: Any, schema: Schema) -> Iterator[ValidationError]:
    """Judges only the beginning of a list that is too long."""
    if isinstance(value, list):
        for index, item in enumerate(value[: schema["maxItems"]]):
            yield from validator.descend(item, items, path=index)


def _faults(error: Error, document: Document) -> Iterator[tuple[Path, Fault]]:
    """What one of jsonschema's errors means; each fault with the path of its place."""
    path: Path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        known = tuple(error.schema["properties"])
        for key in islice((key for key in error.instance if key not in known), MAX_PROBLEMS + 1):
            yield (*path, key), _unknown_key(key, known)
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                yield path, Fault("schema/missing-key", f"`{key}` is missing", f"add `{key}:`")
    else:
        what = shown(str(path[-1])) if path else "the document"
        if "propertyNames" in error.absolute_schema_path:
            path, what = (*path, error.instance), f"a key in {what}"
        elif path and isinstance(path[-1], int):
            what = f"item {path[-1] + 1} of `{path[-2]}`"
        yield path, _fault(what, error, document.written(path))


def _fault(what: str, error: Error, written: str) -> Fault:
    """The fault of a value. `what` names the value, `written` is a scalar as the file spells it."""
    value, limit, schema = error.instance, error.validator_value, error.schema
    match error.validator:
        case "type":
            return _type(what, value, [limit] if isinstance(limit, str) else limit, written)
        case "const" | "enum":
            return _choice(what, value, limit if isinstance(limit, list) else [limit])
        case "pattern":
            message = f"{what} {schema['patternErrorMessage']}; it is {shown(value)}"
            return Fault("schema/form", message, schema["x-hint"])
        case "minimum":
            message = f"{what} must be at least {limit}, not {shown(written)}"
            return Fault("schema/value", message, f"write {limit} or more")
        case "maximum":
            message = f"{what} must be at most {limit}, not {shown(written)}"
            return Fault("schema/value", message, f"write {limit} or less")
        case "minLength":
            clear = "write null to clear it, or remove the line to leave it as it is"
            hint = clear if "null" in schema["type"] else "give it a value, or remove the line"
            return Fault("schema/empty", f"{what} is empty", hint)
        case "minProperties":
            return Fault("schema/empty", f"{what} is empty", f"set one of {', '.join(schema['properties'])}")
        case "maxLength":
            message = f"{what} has {len(value):,} characters; at most {limit:,} are allowed"
            return Fault("schema/too-long", message, "shorten it")
        case "maxItems":
            message = f"{what} has {len(value):,} items; at most {limit:,} are allowed"
            return Fault("schema/too-many", message, "remove some")
        case "maxProperties" if limit == 1:
            message = f"{what} may have only one of {', '.join(f'`{key}`' for key in value)}"
            return Fault("schema/combination", message, schema.get("x-hint", "keep one of them"))
        case "maxProperties":
            message = f"{what} has {len(value):,} keys; at most {limit:,} are allowed"
            return Fault("schema/too-many", message, "remove some")
        case "uniqueItems":
            return Fault("schema/duplicate", f"{what} contains the same item twice", "remove one of them")
    return _UNEXPLAINED


def _unknown_key(key: str, known: Sequence[str]) -> Fault:
    near = difflib.get_close_matches(key, known, n=1)
    message = f"{shown(key)} is not known" + (f"; did you mean `{near[0]}`?" if near else "")
    return Fault("schema/unknown-key", message, f"known here: {', '.join(known)}")


def _type(what: str, value: Any, wanted: Sequence[str], written: str) -> Fault:
    message = f"{what} must be {' or '.join(_TYPES[name][0] for name in wanted)}, not {_kind(value, written)}"
    if value is None:
        hint = "give it a value, or remove the line"
    elif "string" in wanted and written:
        hint = quoted(written)
    else:
        hint = _TYPES[wanted[0]][1]
    return Fault("schema/type", message, hint)


def _choice(what: str, value: Any, allowed: Sequence[str]) -> Fault:
    near = difflib.get_close_matches(value, allowed, n=1) if isinstance(value, str) else []
    choice = " or ".join(f"`{each}`" for each in allowed)
    message = f"{what} must be {choice}, not {_kind(value, '')}"
    return Fault("schema/value", message, f"write `{near[0] if near else allowed[0]}`")


def _kind(value: Any, written: str) -> str:
    match value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            return f"the text {shown(value)}"
        case None:
            return "null"
        case bool():
            return shown(written or json.dumps(value))
    return f"the number {shown(written or json.dumps(value))}"


_DIGITS = "write digits, without quotes"
_TYPES = {  # what each is called, and how it is written
    "string": ("text", "write a single text"),
    "object": ("a mapping", "write `key: value` lines, indented below it"),
    "array": ("a list", "write one item per line below it, each beginning with `- `"),
    "boolean": ("true or false", "write true or false, without quotes"),
    "integer": ("a whole number", _DIGITS),
    "number": ("a number", _DIGITS),
    "null": ("null", "write null"),
}
_MORE = Fault(
    "schema/too-many-problems",
    f"this document has more than {MAX_PROBLEMS} problems; these are the first",
    "fix these, then validate again",
)
_UNEXPLAINED = Fault(
    "schema/invalid",
    "the document does not match its schema, and the reconciler cannot say where",
    "compare it with the output of `reconciler schema`, and report this as a bug of the reconciler",
)

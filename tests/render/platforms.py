"""The parts of the platforms' schemas that our output uses, written here and closed: the originals allow more.

SARIF: sarif-schema-2.1.0.json of OASIS. JUnit: junit-10.xsd of Jenkins' xUnit plugin. rdjson:
DiagnosticResult.json of reviewdog. GitLab documents its two reports in words.
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from defusedxml import ElementTree
from jsonschema import Draft202012Validator

Schema = dict[str, Any]
TEXT: Schema = {"type": "string", "minLength": 1}
FROM_ONE: Schema = {"type": "integer", "minimum": 1}
PATH: Schema = {"type": "string", "minLength": 1, "pattern": "^[^/]"}
FINGERPRINT: Schema = {"type": "string", "pattern": "^[0-9a-f]{32}$"}


def closed(optional: Schema | None = None, /, **required: Schema) -> Schema:
    """An object with these members and no others."""
    properties = required | (optional or {})
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}


def array(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


MESSAGE = closed(text=TEXT)
LEVEL: Schema = {"enum": ["none", "note", "warning", "error"]}
SARIF = closed(
    {"$schema": {"type": "string", "format": "uri"}},
    version={"const": "2.1.0"},
    runs=array(
        closed(
            tool=closed(
                driver=closed(
                    name=TEXT,
                    version=TEXT,
                    rules=array(closed(id=TEXT, shortDescription=MESSAGE), uniqueItems=True),
                )
            ),
            automationDetails=closed(id=TEXT),
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            invocations=array(
                closed(
                    executionSuccessful={"type": "boolean"},
                    toolExecutionNotifications=array(
                        closed(level=LEVEL, message=MESSAGE, descriptor=closed(id=TEXT))
                    ),
                )
            ),
            results=array(
                closed(
                    ruleId=TEXT,
                    ruleIndex={"type": "integer", "minimum": 0},
                    level=LEVEL,
                    message=MESSAGE,
                    locations=array(
                        closed(
                            physicalLocation=closed(
                                artifactLocation=closed(uri=PATH, uriBaseId={"const": "%SRCROOT%"}),
                                region=closed(startLine=FROM_ONE, startColumn=FROM_ONE),
                            )
                        ),
                        minItems=1,
                        maxItems=1,
                    ),
                    partialFingerprints={"type": "object", "additionalProperties": FINGERPRINT},
                ),
                maxItems=5000,
            ),
        ),
        minItems=1,
        maxItems=1,
    ),
)
CODE_QUALITY = array(
    closed(
        description=TEXT,
        check_name=TEXT,
        fingerprint=FINGERPRINT,
        severity={"enum": ["info", "minor", "major", "critical", "blocker"]},
        location=closed(path=PATH, lines=closed(begin=FROM_ONE)),
    )
)
COUNT: Schema = {"type": "integer", "minimum": 0}
TERRAFORM = {"anyOf": [closed(create=COUNT, update=COUNT, delete={"const": 0}), closed()]}
RDJSON = closed(
    source=closed(name=TEXT),
    diagnostics=array(
        closed(
            message=TEXT,
            location=closed({"range": closed(start=closed(line=FROM_ONE, column=FROM_ONE))}, path=PATH),
            severity={"enum": ["ERROR", "WARNING", "INFO"]},
            code=closed(value=TEXT),
        )
    ),
)
SCHEMAS = {"sarif": SARIF, "code-quality": CODE_QUALITY, "gitlab-terraform": TERRAFORM, "rdjson": RDJSON}
# element → its attributes, and what may be in it
JUNIT: dict[str, tuple[set[str], set[str]]] = {
    "testsuites": ({"name", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors"}, {"testcase"}),
    "testcase": ({"name", "classname"}, {"failure", "error", "system-out"}),
    "failure": ({"message", "type"}, set()),
    "error": ({"message", "type"}, set()),
    "system-out": (set(), set()),
}


def valid(name: str, document: Any) -> bool:
    """Whether a document is as its platform's schema has it; raises with what is wrong."""
    Draft202012Validator(SCHEMAS[name]).validate(document)
    return True


def junit(data: bytes) -> Element:
    """The root, each element below it as the schema has it, and the numbers as they are."""
    root: Element = ElementTree.fromstring(data)
    for element in root.iter():
        attributes, children = JUNIT[element.tag]
        assert set(element.attrib) == attributes, element.tag
        assert {child.tag for child in element} <= children, element.tag
        if "tests" in attributes:
            assert int(element.attrib["tests"]) == len(list(element.iter("testcase")))
            assert int(element.attrib["failures"]) == len(list(element.iter("failure")))
            assert int(element.attrib["errors"]) == len(list(element.iter("error")))
    return root

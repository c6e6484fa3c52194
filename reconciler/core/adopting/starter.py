"""The files that a new repository begins with: an environment, an example, checks, and what editors need."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.adopting.importing import SCHEMAS
from reconciler.model.importing import File

_NAME = "production"
ENVIRONMENT = f"manifests/{_NAME}"
_MODELINE = f"# yaml-language-server: $schema={SCHEMAS}/{{}}.schema.json"


def starter(checks: Mapping[str, str]) -> tuple[File, ...]:
    """All of them but the schemas, by paths below the repository's root; `checks` are those of its platform."""
    hub = not checks or any(path.startswith(".github/") for path in checks)
    owners = File(".github/CODEOWNERS" if hub else "CODEOWNERS", _OWNERS)
    return (*_COMMON, owners, *(File(*each) for each in checks.items()))


_COMMON = (
    File(
        f"{ENVIRONMENT}/environment.yaml",
        f"""\
{_MODELINE.format("environment")}
apiVersion: reconciler/v1
kind: Environment
metadata: {{name: {_NAME}}}
spec:
  # `reconciler pin --write` adds the id of the live environment: then no other is ever written to
  certificates: {{warnDays: 30}}
""",
    ),
    File(
        f"{ENVIRONMENT}/example.yaml",
        f"""\
{_MODELINE.format("organization")}
apiVersion: reconciler/v1
kind: Organization
metadata:
  name: example
  labels: {{tier: trial}}
spec:
  ownership: observe       # nothing is written; remove this line, and a plan creates the organization
  displayName: Example Ltd
  domains: [customer.example]
  samlConnections:
    - name: okta           # no `idp`: the customer configures it behind a setup link
""",
    ),
    File(
        ".gitignore",
        """\
# keys, and what `reconciler observe` and `--deliver` write
*-key
*.key
live.json
delivered/
""",
    ),
    File(
        ".editorconfig",
        """\
root = true

[*.{yaml,yml}]
charset = utf-8
end_of_line = lf
indent_style = space
indent_size = 2
insert_final_newline = true
""",
    ),
    File(".vscode/extensions.json", '{"recommendations": ["redhat.vscode-yaml"]}\n'),
    File(
        ".pre-commit-config.yaml",
        f"""\
repos:
  - repo: local
    hooks:
      - id: reconciler
        name: reconciler validate
        entry: reconciler validate {ENVIRONMENT}
        language: system
        files: ^manifests/
        pass_filenames: false
""",
    ),
)
_OWNERS = """\
# Who reviews a change that decides who may sign in; put your own teams here.
# /manifests/ @your-org/identity
# /.github/ @your-org/identity
"""

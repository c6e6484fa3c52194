"""The files that a new repository begins with: an environment, an example, checks, and what editors need."""

from __future__ import annotations

from enum import StrEnum

from reconciler.core.adopting.importing import SCHEMAS
from reconciler.model.importing import File

_NAME = "production"
ENVIRONMENT = f"manifests/{_NAME}"
_MODELINE = f"# yaml-language-server: $schema={SCHEMAS}/{{}}.schema.json"


class CI(StrEnum):
    """Whose checks a repository gets."""

    GITHUB = "github"
    GITLAB = "gitlab"


def starter(ci: CI | None) -> tuple[File, ...]:
    """All of them but the schemas, by their paths below the repository's root."""
    owners = File("CODEOWNERS" if ci is CI.GITLAB else ".github/CODEOWNERS", _OWNERS)
    checks = {CI.GITHUB: (_GITHUB,), CI.GITLAB: (_GITLAB,), None: ()}[ci]
    return (*_COMMON, owners, *checks)


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
"""
_GITHUB = File(
    ".github/workflows/reconciler.yml",
    f"""\
# The variable PIP_RECONCILER says what pip installs: a wheel's address, or its name in your package index.
name: reconciler
on:
  pull_request:
  push: {{branches: [main]}}
permissions: {{contents: read}}
jobs:
  validate:                                   # holds no key
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {{python-version: "3.13"}}
      - run: pip install "${{{{ vars.PIP_RECONCILER }}}}"
      - run: reconciler validate {ENVIRONMENT}
  apply:                                      # the only job with a key
    if: github.event_name == 'push'
    needs: validate
    runs-on: ubuntu-latest
    environment: {_NAME}
    concurrency: reconciler-{_NAME}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {{python-version: "3.13"}}
      - run: pip install "${{{{ vars.PIP_RECONCILER }}}}"
      - run: reconciler apply --yes {ENVIRONMENT}
        env:
          SSOREADY_API_URL: ${{{{ vars.SSOREADY_API_URL }}}}
          SSOREADY_API_KEY: ${{{{ secrets.SSOREADY_API_KEY }}}}
""",
)
_GITLAB = File(
    ".gitlab-ci.yml",
    f"""\
# The variable PIP_RECONCILER says what pip installs: a wheel's address, or its name in your package index.
default:
  image: python:3.13-slim
  before_script:
    - pip install "$PIP_RECONCILER"
validate:                                     # holds no key
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
  script:
    - reconciler validate {ENVIRONMENT}
apply:                                        # the only job with a key: SSOREADY_API_KEY, protected and masked
  needs: [validate]
  environment: {_NAME}
  resource_group: reconciler-{_NAME}
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
  script:
    - reconciler apply --yes {ENVIRONMENT}
""",
)

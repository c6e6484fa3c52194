"""Keeps an SSOReady environment equal to the manifests in a git repository.

The pipeline is one sentence: files → Manifests → Desired; the API → Observed; (Desired, Observed) → Plan;
Plan → Outcomes → Report → conditions, metrics, text. `validate` stops at Desired, `plan` at Plan, `apply`
at Report, `run` repeats.

Six floors, imports go strictly down:
  cli, logs      flags, variables and a file → settings → one call → text and exit code
  daemon         when to reconcile, and telling the world
  engine         the only place where decisions meet I/O
  source, api, delivery, emulator   one outside world each; they do not know each other
  core, render   decisions and texts: pure functions
  model          frozen values

Words: *desired* is what the manifests say, *observed* what the API says; *drift* is observed that moved;
*owned* is a field that a manifest states, *unmanaged* what is live but not in git; a *pin* is a stated id;
a *plan* holds *changes*, each ends in an *outcome*; a *pass* reconciles once, a *resync* is a pass nobody asked
for.
"""

__version__ = "0.1.0"

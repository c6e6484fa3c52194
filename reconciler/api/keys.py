"""Judges an API key and an API address before either is used, without ever repeating the key."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from reconciler.model.errors import CredentialsError, UsageError
from reconciler.model.secret import Secret

_KEY = re.compile(r"ssoready_sk_[0-9a-z]{25}")
_VISIBLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"[0-9a-z_-]+(\.[0-9a-z_-]+)*\.?|[0-9a-f:.]+")  # as urlsplit gives it, in lower case


def parse_key(text: str) -> Secret:
    """The key, less one trailing newline; CredentialsError for anything that is not exactly one."""
    key = text.removesuffix("\n").removesuffix("\r")
    if not key:
        raise CredentialsError(
            "the API key is empty", "Create one in SSOReady under API Keys, with Management API access."
        )
    if _KEY.fullmatch(key):
        return Secret(key)
    reason = "it holds a blank or a newline" if any(c.isspace() for c in key) else "it has another form"
    raise CredentialsError(
        f"this is not an API key: {reason}", "A key is `ssoready_sk_` and 25 letters and digits, and nothing else."
    )


def parse_url(text: str, *, allow_http: bool) -> str:
    """The API's address without a trailing slash; UsageError unless it is https, or http where that is safe."""
    harmless = len(text) < 200 and text.isprintable() and "@" not in text and "ssoready_" not in text
    shown = text if harmless else "this"
    parts = _split(text)
    host = parts.hostname if parts else None
    if not parts or not host or "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(f"{shown} is not the address of an API", "Write it like https://api.ssoready.com.")
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise UsageError(
            f"{shown} is not https, and the key would travel in the clear",
            "Use https, or set `allow_http = true` for the environment in the configuration file.",
        )
    return text.rstrip("/")


def parse_proxy(text: str) -> str:
    """An HTTP proxy's address; UsageError, which never repeats it, since it may hold a password."""
    parts = _split(text)
    if not parts or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise UsageError("this is not the address of an HTTP proxy", "Write it like http://proxy.example:3128.")
    return text


def _split(text: str) -> SplitResult | None:
    """The parts of an http(s) address in plain ASCII, the host as A-labels; None for anything else."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in {"https", "http"} or not _VISIBLE.fullmatch(text) or not _HOST.fullmatch(host):
        return None
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

"""Checks an API key, an API address and a proxy before any is used, without ever repeating a secret."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from reconciler.core.values.redaction import remember
from reconciler.model.errors import CredentialsError, UsageError
from reconciler.model.secret import Secret

EXAMPLE_URL = "https://ssoready.example"  # no address is the default
_KEY = re.compile(r"ssoready_sk_[0-9a-z]{25}")
_VISIBLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"[0-9a-z_-]+(\.[0-9a-z_-]+)*\.?|[0-9a-f:.]+")  # as urlsplit gives it, in lower case


def parse_key(text: str) -> Secret:
    """The key, without a trailing newline; raises CredentialsError for anything else."""
    key = text.removesuffix("\n").removesuffix("\r")
    if not key:
        raise CredentialsError(
            "the API key is empty", "Create one in SSOReady under API Keys, with Management API access."
        )
    if _KEY.fullmatch(key):
        remember(key)
        return Secret(key)
    reason = " and it contains whitespace" if any(c.isspace() for c in key) else ""
    raise CredentialsError(
        f"this does not look like an SSOReady API key{reason}",
        "Expected is `ssoready_sk_` and 25 lower-case letters and digits, and nothing else.",
    )


def parse_url(text: str, *, allow_http: bool) -> str:
    """The API's address without a trailing slash.

    Raises UsageError unless it is https; http is accepted for this machine, or with `allow_http`.
    """
    harmless = len(text) < 200 and text.isprintable() and "@" not in text and "ssoready_" not in text
    shown = text if harmless else "this"
    parts = _split(text)
    host = parts.hostname if parts else None
    if not parts or not host or "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(f"{shown} is not the address of an API", f"Write it like {EXAMPLE_URL}.")
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise UsageError(
            f"{shown} is not https: the API key would be sent unencrypted",
            "Use https, or set `allow_http = true` for the environment in the configuration file.",
        )
    return text.rstrip("/")


def parse_proxy(text: str) -> str:
    """An HTTP proxy's address; raises UsageError, which never repeats it: it may hold a password."""
    parts = _split(text)
    if not parts or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise UsageError("this is not the address of an HTTP proxy", "Write it like http://proxy.example:3128.")
    return text


def check_proxied(url: str, proxy: str) -> None:
    """UsageError where a proxy on another machine would see the key."""
    parts = _split(proxy)
    if url.startswith("http:") and not (parts and is_loopback(parts.hostname or "")):
        raise UsageError(
            "the API's address is not https, and a proxy would see the API key",
            "Use https, which goes through a proxy as a tunnel, or no proxy.",
        )


def _split(text: str) -> SplitResult | None:
    """The parts of an http(s) address in ASCII, with a host; None for anything else."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in {"https", "http"} or not _VISIBLE.fullmatch(text) or not _HOST.fullmatch(host):
        return None
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

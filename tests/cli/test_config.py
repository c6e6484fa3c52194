"""Flags, variables and the file: which counts, what is refused, and that no bytes at all make a traceback."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.api.keys import EXAMPLE_URL
from reconciler.cli.config import Flags, daemon, environments, one_environment, one_folder, read_file, seconds
from reconciler.cli.credentials import Told, credentials
from reconciler.model.errors import CredentialsError, ReconcilerError, UsageError
from reconciler.model.settings import Selection

KEY, OTHER_KEY = "ssoready_sk_" + "a" * 25, "ssoready_sk_" + "b" * 25
OWN, THIRD = "https://own.example", "https://third.example"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("SSOREADY_", "RECONCILER_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def keys(tmp_path: Path) -> tuple[str, str]:
    """Two key files."""
    for name, key in (("one", KEY), ("two", OTHER_KEY)):
        (tmp_path / name).write_text(key + "\n")
    return str(tmp_path / "one"), str(tmp_path / "two")


def api(flags: Flags) -> tuple[str, str] | None:
    found = one_environment(flags).api
    return None if found is None else (found.url, found.key.reveal())


def file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "reconciler.toml"
    path.write_text(text)
    return str(path)


# -- address and key come together -----------------------------------------------------------------


def test_both_come_from_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSOREADY_API_KEY", KEY)
    monkeypatch.setenv("SSOREADY_API_URL", OWN)
    assert api(Flags(folder="m")) == (OWN, KEY)


@pytest.mark.parametrize("name", ["SSOREADY_API_KEY_FILE", "RECONCILER_API_KEY_FILE"])
@pytest.mark.parametrize("address", ["SSOREADY_API_URL", "RECONCILER_API_URL"])
def test_each_variable_has_its_twin(
    keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch, name: str, address: str
) -> None:
    monkeypatch.setenv(name, keys[0])
    monkeypatch.setenv(address, OWN)
    assert api(Flags(folder="m")) == (OWN, KEY)


@pytest.mark.parametrize("place", ["a flag", "a variable", "the file"])
def test_a_key_without_an_address_goes_nowhere(
    place: str, keys: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no default address; the message shows how to write one."""
    flags = Flags(folder="m", api_key_file=keys[1] if place == "a flag" else None)
    if place == "a variable":
        monkeypatch.setenv("SSOREADY_API_KEY", KEY)
    if place == "the file":
        monkeypatch.setenv("SSOREADY_API_URL", OWN)  # it is for the variables' key alone
        text = f'[environments.p]\nmanifests = "m"\napi_key_file = "{keys[0]}"\n'
        flags = Flags(config=file(tmp_path, text))
    with pytest.raises(UsageError) as raised:
        api(flags)
    assert EXAMPLE_URL in raised.value.hint


def test_no_key_anywhere_is_no_api() -> None:
    assert api(Flags(folder="m")) is None


def test_flags_win_over_variables_and_file(
    keys: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSOREADY_API_KEY", KEY)
    monkeypatch.setenv("SSOREADY_API_URL", OWN)
    config = file(tmp_path, f'[environments.p]\nmanifests = "m"\napi_url = "{OWN}"\napi_key_file = "one"\n')
    assert api(Flags(config=config, api_url=THIRD, api_key_file=keys[1])) == (THIRD, OTHER_KEY)


def test_a_file_that_names_the_api_gives_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSOREADY_API_KEY", OTHER_KEY)
    monkeypatch.setenv("SSOREADY_API_URL", OWN)
    (tmp_path / "one").write_text(KEY)
    config = file(tmp_path, f'[environments.p]\nmanifests = "m"\napi_url = "{THIRD}"\napi_key_file = "one"\n')
    assert api(Flags(config=config)) == (THIRD, KEY)


def test_a_file_with_an_address_alone_never_gets_the_key_of_the_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSOREADY_API_KEY", KEY)
    config = file(tmp_path, f'[environments.p]\nmanifests = "m"\napi_url = "{THIRD}"\n')
    with pytest.raises(CredentialsError, match="no `api_key_file` beside it"):
        one_environment(Flags(config=config))


def test_a_file_that_names_neither_leaves_both_to_the_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSOREADY_API_KEY", KEY)
    monkeypatch.setenv("SSOREADY_API_URL", OWN)
    assert api(Flags(config=file(tmp_path, '[environments.p]\nmanifests = "m"\n'))) == (OWN, KEY)


@pytest.mark.parametrize("flag", [{"api_url": THIRD}, {"api_key_file": "/some/key"}])
def test_one_flag_beside_a_file_that_names_the_api_is_refused(tmp_path: Path, flag: dict[str, Any]) -> None:
    (tmp_path / "one").write_text(KEY)
    config = file(tmp_path, '[environments.p]\nmanifests = "m"\napi_key_file = "one"\n')
    with pytest.raises(UsageError, match="names the API already"):
        one_environment(Flags(config=config, **flag))


def test_the_key_of_the_variables_does_not_go_to_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSOREADY_API_KEY", KEY)
    assert api(Flags(folder="m", api_url=OWN)) == (OWN, KEY)
    monkeypatch.setenv("SSOREADY_API_URL", THIRD)
    with pytest.raises(UsageError, match="--api-url is another"):
        one_environment(Flags(folder="m", api_url=OWN))


def test_the_key_of_a_flag_does_not_go_to_the_address_of_a_variable(
    keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSOREADY_API_URL", OWN)
    with pytest.raises(UsageError, match="a variable has an address"):
        one_environment(Flags(folder="m", api_key_file=keys[0]))


@pytest.mark.parametrize(
    ("variables", "error", "message"),
    [
        ({"SSOREADY_API_KEY": KEY, "SSOREADY_API_KEY_FILE": "x"}, CredentialsError, "are set"),
        ({"SSOREADY_API_KEY": KEY, "RECONCILER_API_KEY_FILE": "x"}, CredentialsError, "are set"),
        ({"SSOREADY_API_KEY": ""}, CredentialsError, "the API key is empty"),
        ({"SSOREADY_API_KEY_FILE": "/nowhere"}, CredentialsError, "cannot read the key file /nowhere"),
        ({"SSOREADY_API_KEY_FILE": "/"}, CredentialsError, "not a regular file"),
        ({"SSOREADY_API_KEY_FILE": "/dev/zero"}, CredentialsError, "not a regular file"),
        ({"SSOREADY_API_KEY": KEY, "SSOREADY_API_URL": ""}, UsageError, "SSOREADY_API_URL is set, but empty"),
        (
            {"SSOREADY_API_KEY": KEY, "SSOREADY_API_URL": OWN, "RECONCILER_API_URL": THIRD},
            UsageError,
            "have different addresses",
        ),
        ({"SSOREADY_API_KEY": KEY, "SSOREADY_API_URL": "http://own.example"}, UsageError, "not https"),
    ],
)
def test_variables_that_leave_a_doubt_are_refused(
    variables: dict[str, str], error: type[ReconcilerError], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(error, match=message):
        one_environment(Flags(folder="m"))


def test_a_pipe_is_no_key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads one waits until somebody writes to it."""
    os.mkfifo(tmp_path / "key")
    monkeypatch.setenv("SSOREADY_API_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(CredentialsError, match="not a regular file"):
        one_environment(Flags(folder="m"))


@given(st.sampled_from([None, OWN]), st.booleans(), st.sampled_from([None, OWN, THIRD]), st.booleans())
def test_a_key_never_goes_to_an_address_from_elsewhere(
    flag_url: str | None, flag_key: bool, section_url: str | None, section_key: bool
) -> None:
    """Whenever a section's key is used, the section's own address is; the same goes for flags."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reconciler.cli.credentials._key_file", _key_of)
        flags = Told(flag_url, "flag" if flag_key else None)
        section = Told(section_url, "section" if section_key else None)
        try:
            found = credentials(flags, section, allow_http=False)
        except (UsageError, CredentialsError):
            return
    if found is None:
        assert not flag_key
        assert not section_key
        return
    told = flags if found.key.reveal() == "flag" else section
    assert found.url == told.url


def _key_of(told: Told) -> Any:
    from reconciler.cli.credentials import _Key  # noqa: PLC0415
    from reconciler.model.secret import Secret  # noqa: PLC0415

    return _Key(Secret(told.key_file or ""))


# -- the file --------------------------------------------------------------------------------------

WHOLE = """
[environments.production]
manifests = "manifests/production"
api_url = "https://own.example"
api_key_file = "one"
environment_id = "env_1111111111111111111111111"
mode = "plan"
deliver = { to = "directory", path = "delivered" }
limits = { max_changed_percent = 12.5, max_creates = 7 }
domains = { forbid_shared = false }
protected = { organizations = ["org_1111111111111111111111111"], domains = ["bank.example"] }
[environments.development]
manifests = "/absolute/development"
[daemon]
resync = "90s"
max_requests_per_second = 12
listen = "0.0.0.0:9090"
"""


def test_everything_in_a_file_is_read_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "one").write_text(KEY)
    production, development = environments(Flags(config=file(tmp_path, WHOLE)))
    assert production.manifests == str(tmp_path / "manifests/production")
    assert production.deliver_path == str(tmp_path / "delivered")
    assert production.environment_id == "env_" + "1" * 25
    assert production.limits == {"maxChangedPercent": 12.5, "maxCreates": 7}
    assert production.domains.loosened == ("forbidShared",)
    assert (production.protected.organizations, production.protected.domains) == (
        {"org_" + "1" * 25},
        {"bank.example"},
    )
    assert not production.apply
    assert production.api is not None
    assert (production.api.url, production.api.max_requests_per_second) == (OWN, 12)
    assert (development.name, development.manifests, development.apply) == (
        "development",
        "/absolute/development",
        True,
    )
    assert (development.limits, development.domains.loosened) == ({}, ())
    told = daemon(Flags(config=file(tmp_path, WHOLE)))
    assert (told.resync_s, told.listen) == (90, "0.0.0.0:9090")


@pytest.mark.parametrize("domain", ["Bank.example", "bank.example.", "*.bank.example", "bank"])
def test_a_domain_that_would_protect_nothing_is_refused(tmp_path: Path, domain: str) -> None:
    (tmp_path / "one").write_text(KEY)
    with pytest.raises(UsageError, match="cannot be protected"):
        environments(Flags(config=file(tmp_path, WHOLE.replace("bank.example", domain))))


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "one").write_text(KEY)
    found = one_environment(
        Flags(
            config=file(tmp_path, WHOLE),
            environment="production",
            folder="here",
            deliver="there",
            max_requests_per_second=3,
            target=("acme",),
            selector=("tier=enterprise", "a=b=c"),
        )
    )
    assert (found.manifests, found.deliver_path) == ("here", "there")
    assert found.api is not None
    assert found.api.max_requests_per_second == 3
    assert found.selection == Selection(frozenset({"acme"}), (("tier", "enterprise"), ("a", "b=c")))


@pytest.mark.parametrize(
    ("flags", "message", "hint"),
    [
        ({}, "several environments: production, development", "--environment"),
        ({"environment": "staging"}, "has no environment 'staging'", "It has: production, development."),
        ({"folder": "m"}, "several environments: production, development", "leave the folder out"),
    ],
)
def test_one_environment_has_to_be_chosen(tmp_path: Path, flags: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        one_environment(Flags(config=file(tmp_path, WHOLE), **flags))
    assert hint in raised.value.hint


def test_a_check_of_the_manifests_needs_no_key(tmp_path: Path) -> None:
    chosen = one_folder(Flags(config=file(tmp_path, WHOLE), environment="production"))
    assert chosen.folder == str(tmp_path / "manifests/production")


def test_no_folder_at_all_is_said() -> None:
    with pytest.raises(UsageError, match="no folder was named"):
        one_environment(Flags())


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[environments.p]\n", "environments.p: Object missing required field `manifests`", ""),
        ('[environments.p]\nmanifest = "m"\n', "unknown field `manifest`", "Did you mean `manifests`?"),
        ('[environments.p]\nmanifests = "m"\napi_key = "k"\n', "unknown field `api_key`", "`api_key_file`"),
        ("[environments.p]\nmanifests = 3\n", "Expected `str`, got `int`", ""),
        ('[environments.p]\nmanifests = "m"\nmode = "dry"\n', "mode is 'dry'", '"apply" or "plan"'),
        (
            '[environments.p]\nmanifests = "m"\ndeliver = {to = "s3", path = "x"}\n',
            "delivered to 's3'",
            "directory",
        ),
        ('[environments.p]\nmanifests = "m"\nenvironment_id = "env_1"\n', "environment_id is 'env_1'", "`env_`"),
        ('[environments.p]\nmanifests = "m"\nlimits = {max_changed_percent = nan}\n', "is nan", "0 to 100"),
        ('[environments.p]\nmanifests = "m"\nlimits = {max_changed_percent = 101}\n', "is 101", "0 to 100"),
        ('[environments.p]\nmanifests = "m"\nlimits = {max_creates = -1}\n', "is -1", "number from 0"),
        ('[environments.p]\nmanifests = "m"\nlimits = {max_creates = 1.5}\n', "p.limits: Expected `int`", ""),
        (
            '[environments.p]\nmanifests = "m"\nlimits = {max_create = 1}\n',
            "unknown field `max_create`",
            "`max_creates`",
        ),
        ('[environments.p]\nmanifests = "m"\n[environments.p]\n', "is not TOML", ""),
        ('[environments.p]\nmanifests = "a\\u0000b"\n', "control characters", ""),
        ("x = " + "[" * 2000, "nested too deep|is not TOML", ""),
        ("[daemon]\nresyn = 1\n", "unknown field `resyn`", "`resync`"),
    ],
)
def test_a_file_with_a_mistake_says_which(tmp_path: Path, text: str, message: str, hint: str) -> None:
    path = file(tmp_path, text)
    with pytest.raises(UsageError, match=message) as raised:
        one_environment(Flags(config=path))
    assert hint in raised.value.hint


@pytest.mark.parametrize("rate", ["nan", "inf", "0", "-3"])
def test_a_rate_that_is_none_is_refused(tmp_path: Path, rate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSOREADY_API_KEY", KEY)
    monkeypatch.setenv("SSOREADY_API_URL", OWN)
    config = file(tmp_path, f'[environments.p]\nmanifests = "m"\n[daemon]\nmax_requests_per_second = {rate}\n')
    with pytest.raises(UsageError, match="max_requests_per_second"):
        one_environment(Flags(config=config))


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_file(str(tmp_path / "none.toml"))
    with pytest.raises(UsageError, match="Is a directory"):
        read_file(str(tmp_path))
    with pytest.raises(UsageError, match="more than 1,048,576 bytes"):
        read_file(file(tmp_path, "#" * 1_048_577))


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ({"ca_file": "/nowhere.pem"}, "cannot read /nowhere.pem"),
        ({"ca_file": __file__}, "holds no certificates"),
        ({"proxy": "socks5://user:hunter2@proxy.example"}, "not the address of an HTTP proxy"),
        ({"proxy": "proxy.example:3128"}, "not the address of an HTTP proxy"),
        ({"selector": ("tier",)}, "'tier' is not a selector"),
    ],
)
def test_a_flag_that_cannot_be_used_is_said_before_anything_is_sent(
    flag: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSOREADY_API_KEY", KEY)
    monkeypatch.setenv("SSOREADY_API_URL", OWN)
    with pytest.raises(UsageError, match=message) as raised:
        one_environment(Flags(folder="m", **flag))
    assert "hunter2" not in raised.value.message + raised.value.hint


SCALARS = st.one_of(
    st.sampled_from(
        ['"m"', '""', "1", "-1", "nan", "inf", "true", "[]", "{}", "1979-05-27", '"10m"', '"\\u0000"']
    ),
    st.text(max_size=5).map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'),
)
KEYS = st.sampled_from(
    [
        *("manifests", "api_url", "api_key_file", "allow_http", "environment_id", "mode", "deliver", "limits"),
        *("ca_file", "proxy", "resync", "listen", "max_requests_per_second", "nothing"),
    ]
)
TABLES = st.sampled_from(
    ["[environments.p]", "[environments.q]", "[daemon]", "[environments]", "[[environments]]"]
)
DOCUMENTS = st.lists(st.one_of(TABLES, st.builds("{} = {}".format, KEYS, SCALARS)), max_size=8).map("\n".join)


@given(st.one_of(st.binary(max_size=200), DOCUMENTS.map(lambda text: text.encode("utf-8", "surrogatepass"))))
@example(b"\xef\xbb\xbf[daemon]\n")
@example(b"x = " + b"{a=" * 3000)
def test_any_bytes_become_settings_or_an_error_for_people(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(data)
    flags = Flags(config=str(path), folder="m")
    for use in (environments, daemon):
        with suppress(ReconcilerError):
            use(flags)


@given(st.text(max_size=20))
@example("9" * 400 + "h")
@example("٣m")
def test_a_duration_is_a_bounded_number_of_seconds_or_refused(text: str) -> None:
    try:
        length_s = seconds(text)
    except UsageError:
        return
    assert 0 <= length_s <= 366 * 86400


@pytest.mark.parametrize(("text", "length_s"), [("20ms", 0.02), ("30s", 30), ("10m", 600), ("1.5h", 5400)])
def test_durations(text: str, length_s: float) -> None:
    assert seconds(text) == length_s


def delivering(first: str, second: str) -> str:
    return "".join(
        f'[environments.{name}]\nmanifests = "m"\ndeliver = {{to = "directory", path = "{path}"}}\n'
        for name, path in (("production", first), ("development", second))
    )


@pytest.mark.parametrize("chosen", [None, "production"])
@pytest.mark.parametrize("second", ["there", "./there/", "link"])
def test_two_environments_never_deliver_to_one_folder(tmp_path: Path, second: str, chosen: str | None) -> None:
    """One handle may mean two customers, and one would get the other's link."""
    (tmp_path / "link").symlink_to(tmp_path / "there")
    flags = Flags(config=file(tmp_path, delivering("there", second)), environment=chosen)
    with pytest.raises(UsageError, match="production and development"):
        environments(flags)


def test_one_folder_for_all_is_refused_and_for_one_is_not(tmp_path: Path) -> None:
    config = file(tmp_path, delivering("a", "b"))
    with pytest.raises(UsageError, match="production and development"):
        environments(Flags(config=config, deliver="c"))
    assert [
        each.deliver_path for each in environments(Flags(config=config, deliver="c", environment="production"))
    ] == ["c"]

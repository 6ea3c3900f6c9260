"""Settings: what options become, which count where some exclude each other, and which address is an API's."""

import click
import pytest
from click.core import ParameterSource

from northflank_audit.config.settings import settings_from
from northflank_audit.model import Severity, Status

SOURCES = {
    "flag": ParameterSource.COMMANDLINE,
    "variable": ParameterSource.ENVIRONMENT,
    "config": ParameterSource.DEFAULT_MAP,
}
DEFAULTS = {
    "api_url": "https://api.northflank.com",
    "token_file": None,
    "demo": False,
    "team": (),
    "all_teams": False,
    "input": (),
    "rules": (),
    "rule": (),
    "skip_rule": (),
    "details": "auto",
    "page_size": 100,
    "max_attempts": 5,
    "timeout": 300.0,
    "config": None,
}


def settings(places=(), **given):
    """Return the settings of these options; `places` says where some come from, else it is a flag."""
    places = dict(places)
    return settings_from(
        {**DEFAULTS, **given}, lambda name: SOURCES[places.get(name, "flag")] if name in given else None
    )


def test_options_become_settings():
    made = settings(fail_on="high", include=("pass",), team=("a", "b"), metrics_push=" https://push ")
    assert (made.fail_on, made.include, made.team) == (Severity.HIGH, {Status.PASS}, ("a", "b"))
    assert (made.metrics_push, made.email, made.weakenings) == ("https://push", None, ())
    assert settings(fail_on="never").fail_on is None
    assert settings().fail_on is Severity.INFO


@pytest.mark.parametrize(
    "given",
    [
        {"all_teams": True, "team": ("a",)},
        {"all_teams": True, "input": ("i",)},
        {"team": ("a", "b"), "input": ("i",)},
    ],
)
@pytest.mark.parametrize("place", SOURCES)
def test_options_that_exclude_each_other_may_not_come_from_one_place(given, place):
    with pytest.raises(click.UsageError):
        settings(dict.fromkeys(given, place), **given)


@pytest.mark.parametrize("lower", ["variable", "config"])
@pytest.mark.parametrize(
    ("name", "value", "others"),
    [
        ("all_teams", True, {"team": ("a",)}),
        ("all_teams", True, {"input": ("i",)}),
        ("team", ("a",), {"all_teams": True}),
        ("team", ("a", "b"), {"input": ("i",)}),
        ("input", ("i",), {"all_teams": True}),
        ("input", ("i",), {"team": ("a",)}),
        ("input", ("i",), {"team": ("a", "b")}),
        ("input", ("i",), {"team": ("a", "b"), "all_teams": True}),
    ],
)
def test_a_flag_beats_what_it_excludes(name, value, others, lower):
    made = settings(dict.fromkeys(others, lower), **{name: value}, **others)
    assert getattr(made, name) == value
    assert not any(getattr(made, other) for other in others)


def test_a_variable_beats_the_config_file():
    made = settings({"team": "variable", "all_teams": "config"}, team=("a",), all_teams=True)
    assert (made.team, made.all_teams) == (("a",), False)


def test_one_team_says_whose_an_input_is():
    assert settings(team=("a",), input=("i",)).team == ("a",)
    assert settings({"input": "config"}, team=("a",), input=("i",)).input == ("i",)
    assert settings({"team": "config", "input": "config"}, team=("a",), input=("i",)).team == ("a",)


@pytest.mark.parametrize("given", [{"input": ("i",)}, {"api_url": "https://h"}, {"token_file": "t"}])
def test_the_demo_brings_its_own_account(given):
    with pytest.raises(click.UsageError):
        settings(demo=True, **given)
    (name,) = given
    made = settings({name: "config"}, demo=True, **given)
    assert (made.demo, made.input, made.token_file) == (True, (), None)
    assert not settings({"demo": "config"}, demo=True, **given).demo


@pytest.mark.parametrize("team", ["", "a\nb"])
def test_a_team_is_printable(team):
    with pytest.raises(click.UsageError):
        settings(team=(team,))


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://h", "https://h"),
        (" https://h:8/v/ ", "https://h:8/v"),
        ("h.example:8", "https://h.example:8"),
        ("http://127.0.0.1:8", "http://127.0.0.1:8"),
        ("http://[::1]:8", "http://[::1]:8"),
        ("http://localhost", "http://localhost"),
        ("https://127.0.0.1:8", "https://127.0.0.1:8"),
    ],
)
def test_an_address_of_an_api(given, url):
    assert settings(api_url=given).api_url == url


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h", "https://", "https://:8", "https://h:x", "https://h:99999", "https://u@h", "https://:s3cr3t@h", "https://@h",
        "https://u:s3cr3t@h", "https://u:p@s3cr3t@h", "https://h?s3cr3t=1", "https://h?", "https://h#s3cr3t", "https://h#",
        "https://a b", "https://h\\@s3cr3t", "https://h\n", "https://[::1",
    ],
)  # fmt: skip
def test_what_is_no_address_of_an_api_is_refused_without_its_secrets(url):
    if url.strip() != url:
        url = f"{url}x"
    with pytest.raises(click.UsageError, match="not the address of an API; write") as caught:
        settings(api_url=url)
    assert "s3cr3t" not in caught.value.message


@pytest.mark.parametrize("url", ["127.0.0.1:8099", "localhost:8099", "[::1]:8099"])
def test_loopback_without_a_scheme_is_refused_with_the_one_that_is_missing(url):
    with pytest.raises(click.UsageError, match=rf"write http://{url}".replace("[", r"\[")):
        settings(api_url=url)


def test_the_token_goes_nowhere_over_plain_http():
    with pytest.raises(click.UsageError, match="the token is not sent to h over plain http"):
        settings(api_url="http://h")


@pytest.mark.parametrize("url", ["ftp://h", "https://", "https://h:x", "https://h/ x", "https://h\x07"])
@pytest.mark.parametrize("option", ["metrics_push", "heartbeat"])
def test_what_is_pinged_is_an_address(option, url):
    with pytest.raises(click.UsageError, match="not an address"):
        settings(**{option: url})


def test_a_metrics_file_may_stand_where_reports_will_be(tmp_path):
    """A run makes the folder of the reports, and no other for metrics: nothing would read that one."""
    made = settings(metrics_file=str(tmp_path / "new/x.prom"), output_dir=str(tmp_path / "new"))
    assert made.metrics_file == str(tmp_path / "new/x.prom")


@pytest.mark.parametrize(
    "given",
    [
        {"metrics_file": "x.txt"},
        {"metrics_file": "nowhere/x.prom"},
        {"metrics_file": "nowhere/x.prom", "output_dir": "."},
        {"metrics_push": "https://h?x=1"},
        {"metrics_push": "https://h#x"},
        {"heartbeat": "https://h/{a|b}"},
        {"save_snapshot": "-"},
        {"output": (("json", "x"), ("md", "./x"))},
        {"output": (("json", "x"),), "save_snapshot": "x"},
    ],
)
def test_what_can_not_be_delivered_is_refused_at_once(given):
    with pytest.raises(click.UsageError):
        settings(**given)

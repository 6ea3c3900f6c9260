"""Links into the console: only where a type declares its page, and only of ids that lead nowhere else."""

import pytest

from northflank_audit.resources import TYPES
from northflank_audit.resources.console import console_path

SERVICE = TYPES["service"]


def test_the_page_of_a_service_follows_from_its_app_id():
    assert console_path(SERVICE, {"appId": "/shop/storefront/web"}) == "/t/shop/project/storefront/services/web"


@pytest.mark.parametrize(
    "app_id",
    [
        None,
        7,
        "",
        "/",
        "/shop",
        "/shop/web",
        "/a/b/c/d",
        "shop/storefront/web",
        "/shop//web",
        "/../a/b",
        "/a/./b",
        "/a/b/..",
    ],
)
def test_an_app_id_of_another_form_gives_no_link(app_id):
    assert console_path(SERVICE, {} if app_id is None else {"appId": app_id}) is None


def test_what_someone_wrote_in_an_app_id_stays_a_step_of_a_path():
    path = console_path(SERVICE, {"appId": '/a b/?x=1#y/"><script>'})
    assert path == "/t/a%20b/project/%3Fx%3D1%23y/services/%22%3E%3Cscript%3E"


def test_a_type_whose_page_no_public_source_shows_has_no_link():
    assert console_path(TYPES["addon"], {"appId": "/shop/storefront/db"}) is None
    assert [kind.name for kind in TYPES.values() if kind.console] == ["service"]


def test_every_declared_page_is_below_its_team_and_project():
    for kind in TYPES.values():
        if kind.console:
            assert kind.console.startswith("/t/{team}/project/{project}/")
            assert kind.console.endswith("/{id}")
            assert "appId" in kind.fields

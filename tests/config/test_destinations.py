"""Destinations: no output of a run replaces another one, or a file that the run reads."""

import os

import click
import pytest

from northflank_audit.config.destinations import check_inputs_kept, resolved
from tests.config.test_settings import settings

READ = [
    {"waivers": "x.yaml"},
    {"annotations": "x.yaml"},
    {"token_file": "x.yaml"},
    {"notify_file": "x.yaml"},
    {"history": "x.yaml"},
    {"history": "sqlite:///x.yaml"},
    {"rules": ("pack:default", "x.yaml")},
    {"rules": (".",)},
    {"input": ("x.yaml",)},
    {"input": ("service@web=x.yaml",)},
]


@pytest.mark.parametrize("read", READ, ids=str)
@pytest.mark.parametrize("written", [{"output": (("json", "./x.yaml"),)}, {"save_snapshot": "x.yaml"}], ids=str)
def test_an_output_never_replaces_what_the_run_reads(tmp_path, monkeypatch, read, written):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(click.UsageError, match=r"x\.yaml is a file that this run reads: write to another one"):
        settings(**read, **written)
    settings(**read, output=(("json", "y.json"),), save_snapshot="sub/x.yaml")


def test_a_baseline_may_be_the_report_that_the_run_replaces():
    settings(compare="x.json", output=(("json", "x.json"),))
    for other in ({"output": (("json", "y.json"), ("md", "x.json"))}, {"save_snapshot": "x.json"}):
        with pytest.raises(click.UsageError, match=r"x\.json is a file that this run reads"):
            settings(compare="x.json", **other)


def test_a_link_is_another_file_than_the_one_behind_it_and_folders_are_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "real/link").symlink_to("file")
    check_inputs_kept([f"{tmp_path}/real/link"], [f"{tmp_path}/real/file"])
    check_inputs_kept(["/dev/null"], ["/dev/null"])
    with pytest.raises(click.UsageError):
        check_inputs_kept([f"{tmp_path}/folder/file"], [f"{tmp_path}/real/file"])


def test_paths_of_files_are_resolved_as_the_system_would(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real/below").mkdir(parents=True)
    (tmp_path / "real/file").touch()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real/to-file").symlink_to("file")
    (tmp_path / "real/to-nothing").symlink_to("below/../missing")
    (tmp_path / "loop").symlink_to("loop")
    names = ("file", "to-file", "to-nothing", "missing", "below/x", "below/..", "below/../y", "", ".")
    paths = [
        f"{folder}/{name}" for folder in ("real", "link", "loop", "./link", "none", str(tmp_path)) for name in names
    ]
    paths += ["x", "link", "loop", "/"]
    assert list(resolved(paths)) == list(map(os.path.realpath, paths))

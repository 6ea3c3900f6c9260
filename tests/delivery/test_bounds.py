"""How long a delivery may take is what docs/configuration.md says."""

from northflank_audit.audit import deliver, last_resort, timed_engine
from northflank_audit.cli.bound_options import LONGEST
from northflank_audit.delivery import files, http_request, notify, pipes
from northflank_audit.delivery.smtp import Patience
from tests.conftest import ROOT


def test_the_bounds_are_those_that_the_docs_tell():
    told = " ".join((ROOT / "docs/configuration.md").read_text().split())
    patience = Patience()
    assert f"{patience.limit:g} s for the mail, {notify.LONGEST:g} s for all notifications" in told
    assert f"{http_request.LONGEST:g} s for a push of metrics and for each ping" in told
    assert f"and {files.LONGEST_WAIT:g} s of waiting while another run writes" in told
    assert f"{pipes.LONGEST:g} s for a pipe" in told
    assert f"at most {LONGEST:,}, a week" in told
    assert (
        f"for {timed_engine.LATE:g} more seconds and begins no report format after {deliver.RENDERING:g} more" in told
    )
    assert f"has not ended {last_resort.LONGEST_OVERTIME:g} s after `--timeout`" in told
    words = {4: "four"}
    assert f"is tried {words[patience.attempts]} times within {patience.limit:g} seconds" in told


def test_all_bounds_together_are_what_the_docs_tell():
    pings, writes = 2, 2
    longest = Patience().limit + notify.LONGEST + (1 + pings) * http_request.LONGEST + writes * files.LONGEST_WAIT
    assert longest <= last_resort.LONGEST_OVERTIME
    assert Patience().timeout * 2 < Patience().limit

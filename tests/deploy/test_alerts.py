"""The alert rules of the recipe, evaluated by Prometheus on what audits write."""

import subprocess

import pytest
import yaml
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from northflank_audit.delivery import metrics
from northflank_audit.model import Severity
from tests.conftest import needed
from tests.deploy.conftest import DEPLOY
from tests.formats.conftest import clean, incomplete, report

__all__ = ["clean", "incomplete", "report"]

ALERTS = DEPLOY / "prometheus/alerts.yml"
LAST_RUN = "northflank_audit_last_run_timestamp_seconds"


def series(file, made, scope, hours):
    """Return each series of a report's metrics, as often as it is scraped in these hours after a run at hour 0."""
    metrics.write(str(file), made, scope, None)
    return [
        {
            "series": "{name}{{{labels}}}".format(
                name=sample.name, labels=",".join(f'{name}="{value}"' for name, value in sample.labels.items())
            ),
            "values": f"{0 if sample.name == LAST_RUN else sample.value!r}x{hours}",
        }
        for family in text_string_to_metric_families(file.read_text())
        for sample in family.samples
    ]


@pytest.fixture
def fire(tmp_path):
    """Hold which alerts fire, and no others, so many hours after the last runs of these scopes."""
    promtool = needed("promtool")

    def holds(runs, hours, *expected):
        test = {
            "interval": "1h",
            "input_series": [
                each for scope, made in runs.items() for each in series(tmp_path / "a.prom", made, scope, hours)
            ],
            "promql_expr_test": [
                {
                    "expr": 'ALERTS{alertstate="firing"}',
                    "eval_time": f"{hours}h",
                    "exp_samples": [
                        {"labels": f'ALERTS{{alertname="{name}",alertstate="firing",{labels}}}', "value": 1}
                        for name, labels in expected
                    ],
                }
            ],
        }
        file = tmp_path / "test.yml"
        file.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "1h", "tests": [test]}))
        done = subprocess.run(
            [promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return holds


ACCOUNT = 'scope="account",source="api"'
VIOLATIONS = ("NorthflankAuditViolations", f'severity="high",{ACCOUNT}')
INCOMPLETE = ("NorthflankAuditIncomplete", f'severity="warning",{ACCOUNT}')


def test_violations_that_are_known_fire_whether_or_not_the_audit_saw_everything(fire, report, incomplete):
    """What is not known of one rule takes nothing from what is known of the others."""
    fire({"account": report}, 3, VIOLATIONS)
    fire({"account": incomplete}, 3, INCOMPLETE, VIOLATIONS)
    none = dict.fromkeys(incomplete.rules[0].counts, 0)
    other = replace(incomplete.rules[0], severity=Severity.HIGH, counts=none)
    fire({"account": replace(incomplete, rules=[other, *incomplete.rules[1:]])}, 3, INCOMPLETE, VIOLATIONS)


def test_severities_and_scopes_have_alerts_of_their_own(fire, report, clean):
    rule = report.rules[1]
    both = replace(report, rules=[rule, replace(rule, id="worse", severity=Severity.CRITICAL)])
    critical = ("NorthflankAuditViolations", f'severity="critical",{ACCOUNT}')
    fire({"account": both, "payments": clean}, 3, VIOLATIONS, critical)


def test_nothing_fires_where_all_is_well_until_it_is_late(fire, clean):
    fire({"account": clean}, 48)
    fire({"account": clean}, 49, ("NorthflankAuditLate", f'severity="warning",{ACCOUNT}'))


def test_no_metrics_at_all_are_told(fire):
    fire({}, 3, ("NorthflankAuditNeverRan", 'severity="warning"'))


def test_the_rules_are_sound(tmp_path):
    def checked(file):
        command = [needed("promtool"), "check", "rules", "--lint-fatal", str(file)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    good = checked(ALERTS)
    assert good.returncode == 0, good.stdout + good.stderr
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(ALERTS.read_text().replace("absent(", "absent((", 1))
    assert checked(wrong).returncode != 0

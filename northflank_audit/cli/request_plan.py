"""Prints how many requests an audit sends."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from northflank_audit.audit.plan import Bounds, RequestPlan

Json = dict[str, Any]


def counted(plan: "RequestPlan") -> Json:
    """Return the requests as JSON shows them."""
    return {
        "token": plan.owner or None,
        "requests": _number(plan.requests),
        "timeout": plan.timeout,
        "hourlyLimit": {"limit": plan.limit, "remaining": plan.remaining, "covers": plan.covered},
        "counts": [
            {"type": each.type, "resources": each.resources, "lists": each.lists, "parts": _number(each.parts)}
            for each in plan.types
            if not each.out_of_scope
        ],
        "outOfScope": [{"type": each.type, "why": each.out_of_scope} for each in plan.types if each.out_of_scope],
        "complete": not plan.problems,
        "incompleteReasons": plan.problems,
        "warnings": plan.warnings,
    }


def count_lines(plan: "RequestPlan", timeout: float) -> Iterator[str]:
    """Yield the lines that a person reads; `timeout` is what `--timeout` is now, in seconds."""
    yield f"token: {plan.owner or 'unknown'}"
    yield ""
    width = max([len(each.type) for each in plan.types], default=0)
    yield f"{'type':<{width}}  {'resources':>9}  {'lists':>7}  details and children"
    for each in plan.types:
        if each.out_of_scope:
            yield f"{each.type:<{width}}  not in scope: {each.out_of_scope}"
        else:
            yield f"{each.type:<{width}}  {each.resources:>9}  {each.lists:>7}  {_words(each.parts)}"
    yield ""
    yield f"requests: {_words(plan.requests)}"
    yield f"hourly limit: {_limit(plan)}"
    yield from _advice(plan, timeout)
    yield from (f"warning: {each}" for each in plan.warnings)
    if plan.problems:
        yield ""
        yield "INCOMPLETE: some lists could not be read, and what they would add is not counted:"
        yield from (f"  {each}" for each in plan.problems)


def _limit(plan: "RequestPlan") -> str:
    if plan.limit is None and plan.remaining is None:
        return "unknown: the API's answers do not say"
    enough = plan.remaining is None or plan.requests.at_least <= plan.remaining
    verdict = "it covers the audit" if plan.covered else f"it {'may' if enough else 'does'} not cover the audit"
    return f"{plan.limit if plan.limit is not None else 'unknown'}, {plan.remaining or 0} left: {verdict}"


def _advice(plan: "RequestPlan", timeout: float) -> Iterator[str]:
    if plan.timeout is None:
        yield "--reserve leaves nothing of the hourly limit: no --timeout is enough"
    elif plan.timeout > timeout:
        yield f"give --timeout {plan.timeout}"
    else:
        yield f"--timeout {timeout:g} is enough"
    if plan.most is not None and plan.most < plan.requests.at_most:
        yield f"--max-requests {plan.most} does not cover it: needs {plan.requests.at_most} requests"


def _number(bounds: "Bounds") -> int | Json:
    return bounds.at_least if bounds.exact else {"atLeast": bounds.at_least, "atMost": bounds.at_most}


def _words(bounds: "Bounds") -> str:
    return str(bounds.at_least) if bounds.exact else f"{bounds.at_least} to {bounds.at_most}"

"""Targets reach workers, and each has an outcome, whatever becomes of its worker."""

from collections import Counter
from concurrent.futures import BrokenExecutor, Future
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from northflank_audit.fleet import dispatch, local_workers
from northflank_audit.fleet.dispatch import most_running, outcomes
from northflank_audit.fleet.job import Started
from northflank_audit.fleet.local_workers import LocalWorkers
from tests.fleet import misbehaving
from tests.fleet.conftest import job


class Fake:
    """A worker that records what it runs; `dies` says which of its starts end it, `leaves` after which it is lost."""

    def __init__(self, workers, capacity, dies=(), leaves=()):
        self.workers, self.capacity, self.dies, self.leaves = workers, capacity, dies, leaves
        self.active = Counter()
        self.starts = count(1)

    def start(self, each):
        self.active[each.token_name] += 1
        self.workers.check(each.token_name)
        assert self.active.total() <= self.capacity
        future = Future()
        future.target = each
        number = next(self.starts)
        if number in self.dies:
            future.set_exception(BrokenExecutor("it ended"))
        elif number in self.leaves:
            future.cancel()  # as of a worker of a cluster
        else:
            future.set_result(misbehaving.green(each.name))
        return Started(future, future)

    def outcome(self, future):
        self.active[future.target.token_name] -= 1
        return future.result()

    def end(self, future):
        raise AssertionError(future)

    def stop(self):
        pass


class Fakes:
    def __init__(self, capacities, at_once, dies=(), leaves=()):
        self.at_once = at_once
        self.workers = [Fake(self, capacity, dies, leaves) for capacity in capacities]
        self.closed = False
        self.most = 0

    def all(self):
        return self.workers

    def alone(self):
        return Fake(self, 1)

    def close(self):
        self.closed = True

    def check(self, token):
        self.most = max(self.most, sum(each.active.total() for each in self.workers))
        assert sum(bool(each.active[token]) for each in self.workers) <= 1, "a token is used by one worker at a time"


@given(
    tokens=st.lists(st.sampled_from("abcd"), max_size=30),
    capacities=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    at_once=st.integers(1, 8),
    dies=st.frozensets(st.integers(1, 6)),
    leaves=st.frozensets(st.integers(1, 6)),
)
def test_every_target_ends_once_and_a_token_is_never_used_by_two_workers(tokens, capacities, at_once, dies, leaves):
    workers = Fakes(capacities, at_once, dies, leaves)
    jobs = [job(f"t{number}", token) for number, token in enumerate(tokens)]
    ended = list(outcomes(jobs, workers))
    assert sorted(each.name for each in ended) == sorted(each.name for each in jobs)
    assert {each.exit_code for each in ended} <= {0}
    assert workers.most <= at_once
    assert workers.closed


def test_the_targets_of_one_token_use_all_there_is_to_use():
    workers = Fakes([8, 8], 8)
    list(outcomes([job(f"t{number}") for number in range(20)], workers))
    assert workers.most == 8


class Slow(Fake):
    """A worker whose targets have read everything at once, but end only when nothing else may start."""

    def __init__(self, workers, capacity):
        super().__init__(workers, capacity)
        self.reading, self.writing, self.most = [], [], (0, 0)

    def start(self, each):
        started = Started(Future(), Future())
        started.outcome.target = each
        self.reading.append(started)
        reads, runs = len(self.reading), len(self.reading) + len(self.writing)
        self.most = max(self.most[0], reads), max(self.most[1], runs)
        return started

    def move(self):
        """Let the first one that reads go on to write; if none does, let the first one that writes end."""
        if self.reading:
            self.writing.append(self.reading.pop(0))
            self.writing[-1].reading.set_result(None)
        elif self.writing:
            ended = self.writing.pop(0)
            ended.outcome.set_result(misbehaving.green(ended.outcome.target.name))

    def outcome(self, future):
        return future.result()


def test_while_targets_write_others_read(monkeypatch):
    workers = Fakes([4], 3)
    workers.workers = [slow] = [Slow(workers, 4)]
    original = dispatch._next

    def moved(events):
        slow.move()
        return original(events)

    monkeypatch.setattr(dispatch, "_next", moved)
    ended = list(outcomes([job(f"t{number}") for number in range(20)], workers))
    assert len(ended) == 20
    assert slow.most == (3, most_running(3)), "three that read, and as many others as may write"


@pytest.mark.parametrize(("at_once", "most"), [(1, 4), (8, 32), (16, 64), (256, 304)])
def test_few_targets_run_besides_those_that_read(at_once, most):
    """Each of them has a folder open."""
    assert most_running(at_once) == most


def test_workers_that_are_lost_leave_no_target_without_an_outcome():
    workers = Fakes([2], 2)
    rounds = iter([workers.workers])

    def all_until_lost():
        try:
            return next(rounds)
        except StopIteration:
            raise BrokenExecutor("the cluster was lost") from None

    workers.all = all_until_lost
    ended = {each.name: each for each in outcomes([job(f"t{number}") for number in range(5)], workers)}
    assert sorted(ended) == ["t0", "t1", "t2", "t3", "t4"]
    lost = {name: each.incomplete_reasons for name, each in ended.items() if each.exit_code == 3}
    assert lost
    assert {reason for reasons in lost.values() for reason in reasons} == {"no verdict: the cluster was lost"}
    assert workers.closed


def test_an_abandoned_fleet_closes_its_workers():
    workers = Fakes([1], 1)
    running = outcomes([job("a"), job("b")], workers)
    next(running)
    running.close()
    assert workers.closed


@pytest.fixture
def processes(monkeypatch, tmp_path):
    """Run jobs by their names in one real process, and return their outcomes and how often each was run."""

    def run(*names):
        monkeypatch.setattr(local_workers, "RUN_TARGET", "tests.fleet.misbehaving:run")
        jobs = [job(name, folder=tmp_path) for name in names]
        ended = {each.name: each for each in outcomes(jobs, LocalWorkers(len(names)).serving(jobs))}
        return ended, {name: misbehaving.runs(tmp_path, name) for name in names}

    return run


def test_a_target_that_kills_its_worker_costs_only_itself(processes):
    ended, runs = processes("victim", "killer", "odd")
    assert (ended["victim"].exit_code, runs["victim"]) == (0, 2)
    assert (ended["killer"].exit_code, ended["killer"].complete, runs["killer"]) == (3, False, 2)
    assert ended["killer"].incomplete_reasons == ["no verdict: its worker ended first, twice"]
    assert ended["odd"].exit_code == 3


@pytest.mark.parametrize("name", ["hanger", "stopper"])
def test_a_target_that_hangs_or_stops_its_process_costs_only_itself(processes, monkeypatch, tmp_path, name):
    def longest(running):
        hangs = running.job.name == name and misbehaving.runs(tmp_path, name)
        return 0 if hangs and misbehaving.runs(tmp_path, "victim") else 10**6

    monkeypatch.setattr(dispatch._Running, "longest", property(longest))
    ended, runs = processes("victim", name)
    assert (ended["victim"].exit_code, runs["victim"]) == (0, 2)
    assert ended[name].exit_code == 3
    assert ended[name].incomplete_reasons == ["no verdict: it had not ended 0 s after its start, twice"]

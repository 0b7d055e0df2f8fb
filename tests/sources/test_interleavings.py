"""However members and polls, restarts and failures come one after the other, each member counts once."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from redis import Redis

from tests.sources.gateway import LOOK_BACK_S, Clock, Crash, Gateway, Tail

DELAYS = st.floats(0, LOOK_BACK_S - 2, allow_nan=False)


def machine(client: Redis) -> type[RuleBasedStateMachine]:  # noqa: C901 - a class of small rules
    class Interleaving(RuleBasedStateMachine):
        @initialize()
        def begin(self) -> None:
            client.flushall()
            self.gateway = Gateway(client)
            self.tail = Tail(client, Clock(), options={"first_contact_s": 1000.0})
            self.added: set[tuple[str, float]] = set()

        @rule(kind=st.sampled_from(["redis", "claude"]), delays=st.lists(DELAYS, min_size=1, max_size=20))
        def add(self, kind: str, delays: list[float]) -> None:
            times = [self.tail.clock.now - delay for delay in delays]
            self.gateway.add(*times, kind=kind)
            self.added.update((kind, at) for at in times)

        @rule(kind=st.sampled_from(["redis", "claude"]), members=st.integers(400, 900), delay=DELAYS)
        def add_many_in_one_second(self, kind: str, members: int, delay: float) -> None:
            at = self.tail.clock.now - delay
            self.add(kind, [self.tail.clock.now - at - number / 2000 for number in range(members)])

        @rule(seconds=st.floats(0, 40))
        def wait(self, seconds: float) -> None:
            self.tail.poll()
            self.tail.clock.now += seconds

        @rule()
        def poll(self) -> None:
            self.tail.poll()

        @rule(after=st.integers(0, 5))
        def die(self, after: int) -> None:
            ledger = self.tail.ledger
            ledger.crash_after = len(ledger.batches) + after
            try:
                self.tail.poll()
            except Crash:
                ledger.crash_after = None
                self.tail.restart()
            ledger.crash_after = None

        @rule()
        def begin_a_new_process(self) -> None:
            self.tail.restart()

        @invariant()
        def nothing_counts_twice(self) -> None:
            assert self.tail.ledger.counted <= len(self.added)

        def teardown(self) -> None:
            self.tail.poll()
            self.tail.poll()
            assert self.tail.ledger.counted == len(self.added)
            assert (self.tail.ledger.late, self.tail.ledger.missing) == (0, 0)
            assert not self.tail.ledger.holding

    return Interleaving


def test_any_interleaving_counts_each_member_exactly_once(client: Redis) -> None:
    options = settings(
        max_examples=60, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(machine(client), settings=options)

"""The run's wall time against its budget, by a clock that the test winds."""

from __future__ import annotations

import time

import pytest

from cganx.training.clock import LEAVING, Clock


class Hands:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    wound = Hands()
    monkeypatch.setattr(time, "monotonic", wound)
    return wound


def steps_until_spent(clock: Clock, hands: Hands, seconds: float) -> int:
    count = 0
    while not clock.spent():
        hands.now += seconds
        clock.tick()
        count += 1
    return count


def test_steps_fill_the_budget_but_for_the_next_one_and_leaving(hands: Hands):
    clock = Clock(hands.now, 0.0, 10.0)
    assert steps_until_spent(clock, hands, 0.25) == int((10.0 - LEAVING - 0.25) / 0.25) + 1
    assert clock.elapsed() <= 10.0 - LEAVING


def test_earlier_sessions_count(hands: Hands):
    clock = Clock(hands.now, 6.0, 10.0)
    assert clock.elapsed() == 6.0
    assert steps_until_spent(clock, hands, 0.25) == int((4.0 - LEAVING - 0.25) / 0.25) + 1
    assert Clock(hands.now, 9.7, 10.0).spent()


def test_what_closing_took_is_kept_back_half_as_long_again(hands: Hands):
    clock = Clock(hands.now, 0.0, 10.0)
    for part, seconds in (("judging", 1.0), ("keeping", 0.5), ("judging", 0.25)):
        with clock.reserve(part):
            hands.now += seconds
    steps_until_spent(clock, hands, 0.25)
    assert 10.0 - LEAVING - 1.5 * 1.5 - 0.5 <= clock.elapsed() <= 10.0 - LEAVING - 1.5 * 1.5


def test_pauses_count_as_wall_time_and_not_as_training(hands: Hands):
    clock = Clock(hands.now, 0.0, 10.0)
    before = clock.training()
    with clock.pause():
        hands.now += 3.0
    hands.now += 1.0
    assert clock.elapsed() == 4.0
    assert clock.training() - before == 1.0


def test_without_a_budget_it_is_never_spent(hands: Hands):
    clock = Clock(hands.now, 0.0, None)
    hands.now += 1e9
    assert not clock.spent()
    assert clock.remaining(None) is None
    assert clock.remaining(5.0) == 5.0


def test_what_comes_first_remains(hands: Hands):
    clock = Clock(hands.now, 0.0, 10.0)
    assert clock.remaining(5.0) == 5.0
    assert clock.remaining(50.0) == pytest.approx(10.0 - LEAVING)

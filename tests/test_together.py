"""Fits side by side: what they ask for is worked out at once, and none waits for one that has ended."""

import jax.numpy as jnp
import pytest

from lampyris._checks import LampyrisError
from lampyris.fit.many import reconstruct_many
from lampyris.fit.together import BrokenOff, Meeting, side_by_side


class Kind:
    """A function that counts how often it is compiled."""

    def __init__(self, power):
        self.power, self.compiled = power, 0

    def __call__(self, own, factor):
        self.compiled += 1
        return factor * own**self.power


def walk(meeting, square, cube):
    """Work that asks for one kind or the other, longer for larger numbers."""

    def work(number):
        total = 0.0
        for step in range(1 + number % 5):
            kind = cube if (number + step) % 3 == 0 else square
            total += float(meeting.ask(kind, jnp.asarray(float(number + step)), (2.0,)))
        return total

    return work


def alone(number):
    return sum(2.0 * (number + step) ** (3 if (number + step) % 3 == 0 else 2) for step in range(1 + number % 5))


@pytest.mark.parametrize("size", [1, 3, 8])
def test_all_get_their_own_results_from_one_compilation_of_each_kind(size):
    meeting, square, cube = Meeting(size), Kind(2), Kind(3)
    found = dict(side_by_side(walk(meeting, square, cube), ((n, n) for n in range(20)), meeting))
    assert found == {number: alone(number) for number in range(20)}
    assert (square.compiled, cube.compiled) == (1, 1)


def test_fewer_tasks_than_places():
    meeting = Meeting(8)
    work = walk(meeting, Kind(2), Kind(3))
    assert dict(side_by_side(work, [(4, 4)], meeting)) == {4: alone(4)}
    assert list(side_by_side(work, [], Meeting(2))) == []


def test_an_error_comes_out_and_ends_the_others():
    def broken(own):
        raise ZeroDivisionError("no such kind")

    meeting = Meeting(3)
    work = lambda number: float(meeting.ask(broken, jnp.asarray(1.0 * number), ()))  # noqa: E731
    with pytest.raises(ZeroDivisionError, match="no such kind"):
        list(side_by_side(work, ((n, n) for n in range(9)), meeting))


def test_work_that_is_left_off_leaves_no_one_waiting():
    meeting = Meeting(2)
    run = side_by_side(walk(meeting, Kind(2), Kind(3)), ((n, n) for n in range(100)), meeting)
    next(run)
    run.close()
    with pytest.raises(BrokenOff):
        meeting.ask(Kind(2), jnp.asarray(1.0), (2.0,))


@pytest.mark.parametrize(
    "options", [{"batch": 0}, {"batch": 2, "jobs": 2}, {"batch": 2, "scheduler": "tcp://nowhere:1"}]
)
def test_batches_that_cannot_be_are_one_line(tube_tank, options):
    with pytest.raises(LampyrisError, match="batch"):
        list(reconstruct_many(tube_tank, [], **options))

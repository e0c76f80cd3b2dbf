"""Slow work in short steps on the loop of a kernel."""

from __future__ import annotations

import asyncio
import threading
import time

import ipywidgets as widgets
import pytest

from cnnlab.explorers.background import FIRST_PAUSE, BackgroundSteps, compute_missing, rest


def run(scene) -> None:
    asyncio.run(scene())


def test_without_a_loop_all_steps_are_taken_at_once():
    shown, ends = [], []
    growth = BackgroundSteps(ends.append)
    growth.start(iter(range(4)), shown.append, lambda: ends.append(None))
    assert (shown, ends, growth.running) == ([0, 1, 2, 3], [None], False)


def test_in_a_loop_other_work_takes_turns():
    async def scene():
        events = []
        growth = BackgroundSteps(events.append)
        growth.start(iter(range(3)), events.append, lambda: events.append("end"))
        assert growth.running
        assert events == []  # the caller goes on at once
        for _ in range(1000):
            await asyncio.sleep(0.001)
            events.append("other")
            if not growth.running:
                break
        steps = [event for event in events if event != "other"]
        assert steps == [0, 1, 2, "end"]
        assert "other" in events[events.index(0) : events.index(2)]

    run(scene)


def test_rest_waits_for_all_work_and_for_what_follows_it():
    async def scene():
        shown = []
        first, second, stopped = (BackgroundSteps(shown.append) for _ in range(3))
        first.start(iter("ab"), shown.append, lambda: second.start(iter("cd"), shown.append))
        stopped.start(iter(range(1000)))
        stopped.stop()
        await rest()
        assert shown == ["a", "b", "c", "d"]
        await rest()  # nothing is left to wait for

    run(scene)


def test_stop_ends_it_between_two_steps():
    async def scene():
        shown, ends = [], []
        growth = BackgroundSteps(ends.append)

        def show(number):
            shown.append(number)
            if number == 2:
                growth.stop()

        growth.start(iter(range(1000)), show, lambda: ends.append(None))
        await asyncio.sleep(FIRST_PAUSE + 0.1)
        assert (shown, ends, growth.running) == ([0, 1, 2], [], False)

    run(scene)


def test_a_new_start_ends_the_old_run():
    async def scene():
        old, new, ends = [], [], []
        growth = BackgroundSteps(ends.append)
        growth.start(iter(range(1000)), old.append, lambda: ends.append(None))
        await asyncio.sleep(FIRST_PAUSE + 0.05)
        growth.start(iter("ab"), new.append, lambda: ends.append(None))
        count = len(old)
        assert count > 0
        await asyncio.sleep(FIRST_PAUSE + 0.1)
        assert (len(old), new, ends) == (count, ["a", "b"], [None])

    run(scene)


def test_a_change_at_once_spares_the_first_run_all_its_steps():
    """As when a key is held down: the slow work waits until the changes stop."""

    async def scene():
        old, new, ends = [], [], []
        growth = BackgroundSteps(ends.append)
        growth.start(iter(range(1000)), old.append, lambda: ends.append(None))
        await asyncio.sleep(FIRST_PAUSE / 4)
        growth.start(iter("ab"), new.append, lambda: ends.append(None))
        await asyncio.sleep(FIRST_PAUSE + 0.1)
        assert (old, new, ends) == ([], ["a", "b"], [None])

    run(scene)


def test_what_goes_wrong_is_told():
    def steps():
        yield 1
        raise MemoryError("too large")

    shown, ends = [], []
    growth = BackgroundSteps(ends.append)
    growth.start(steps(), shown.append, lambda: ends.append(None))
    assert shown == [1]
    assert isinstance(ends[0], MemoryError)
    assert not growth.running


def test_what_goes_wrong_at_the_end_is_told_too():
    ends = []
    BackgroundSteps(ends.append).start(iter("a"), done=lambda: 1 / 0)
    assert isinstance(ends[0], ZeroDivisionError)


def test_at_once_takes_all_steps_in_a_loop_too_and_raises_what_goes_wrong():
    async def scene():
        shown, ends = [], []
        growth = BackgroundSteps(ends.append)
        growth.start(iter(range(3)), shown.append, lambda: ends.append(None), at_once=True)
        assert (shown, ends, growth.running) == ([0, 1, 2], [None], False)
        with pytest.raises(ZeroDivisionError):
            growth.start(iter("ab"), lambda _letter: 1 / 0, at_once=True)

    run(scene)


def test_what_was_to_come_at_once_goes_on_in_the_background_after_a_while(monkeypatch):
    monkeypatch.setattr("cnnlab.explorers.background.PATIENCE", 0)

    async def scene():
        shown, ends = [], []
        growth = BackgroundSteps(ends.append)
        growth.start(iter(range(3)), shown.append, lambda: ends.append(None), at_once=True)
        assert (shown, ends, growth.running) == ([0], [], True)
        while growth.running:
            await asyncio.sleep(0.01)
        assert (shown, ends) == ([0, 1, 2], [None])

    run(scene)


def test_buttons_follow():
    async def scene():
        start, stop = widgets.Button(), widgets.Button(disabled=True)
        growth = BackgroundSteps(print)
        growth.link(start, stop)
        growth.start(iter(range(1000)))
        assert (start.disabled, stop.disabled) == (True, False)
        growth.stop()
        assert (start.disabled, stop.disabled) == (False, True)

    run(scene)


def test_a_picture_that_cannot_be_shown_ends_it_too():
    ends = []
    growth = BackgroundSteps(ends.append)
    growth.start(iter(range(5)), lambda number: 1 / number, lambda: ends.append(None))
    assert isinstance(ends[0], ZeroDivisionError)
    assert len(ends) == 1


def test_two_threads_never_compute_at_once():
    """As when a slider moves while a cell that was run still lets a picture grow."""
    inside, most = 0, 0

    def steps():
        nonlocal inside, most
        for _ in range(20):
            inside += 1
            most = max(most, inside)
            time.sleep(0.001)
            inside -= 1
            yield

    def grow():
        BackgroundSteps(print).start(steps())

    threads = [threading.Thread(target=grow) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_only_what_is_missing_is_asked_and_each_answer_is_kept_at_once():
    asked, answers = [], {"b": "known"}

    def ask(question):
        asked.append(question)
        return question * 2

    steps = compute_missing({"a": 1, "b": 2, "c": 3}, answers, ask)
    assert next(steps) == "a" and answers == {"a": 2, "b": "known"}
    assert list(steps) == ["c"] and asked == [1, 3] and answers["c"] == 6

"""Stopping on request: the first signal asks, the second one stops, and the old handlers come back."""

import os
import signal

import pytest

from acecoder_jax.errors import Preempted
from acecoder_jax.training.interrupt import StopRequest, preemptible


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_only_asks(number, capsys):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else Preempted), StopRequest() as stop:
        assert not stop.after(1)
        os.kill(os.getpid(), number)
        assert stop.after(2)
        stop.stop()
    assert signal.getsignal(number) is before
    assert "stopping after this step" in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_after_the_last_look_it_stops_when_the_loop_is_left(number):
    before, done = signal.getsignal(number), False
    with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else Preempted), StopRequest() as stop:
        assert not stop.after(1)
        os.kill(os.getpid(), number)
        done = True  # the last step's evaluation and its checkpoint
    assert done and signal.getsignal(number) is before


def test_outside_of_the_loop_sigterm_stops_at_once_and_well():
    before = signal.getsignal(signal.SIGTERM)

    @preemptible()
    def run(where):
        if where == "loading":
            os.kill(os.getpid(), signal.SIGTERM)
        with StopRequest() as stop:
            assert not stop.after(1)
            if where == "loop":
                os.kill(os.getpid(), signal.SIGTERM)
                assert stop.after(2)
                stop.stop()
        if where == "finishing":
            os.kill(os.getpid(), signal.SIGTERM)
        return where

    for where in ("loading", "loop", "finishing"):
        with pytest.raises(Preempted) as caught:
            run(where)
        assert caught.value.code == 0
        assert signal.getsignal(signal.SIGTERM) is before
    assert run("nowhere") == "nowhere"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_ctrl_c_stops_at_once():
    with pytest.raises(KeyboardInterrupt), StopRequest():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_handlers_come_back_after_an_error():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ValueError), StopRequest():
        raise ValueError
    assert signal.getsignal(signal.SIGTERM) is before

import os
import socket
import subprocess
import sys

from core.store.owners import is_dead, this_process


def test_this_process_lives():
    assert not is_dead(this_process())


def test_a_process_that_ended_is_dead():
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert is_dead(f"{socket.gethostname()}/{ended.stdout.strip()}/123")


def test_a_number_that_is_used_again_is_another_process():
    assert is_dead(f"{socket.gethostname()}/{os.getpid()}/1")


def test_of_another_machine_nothing_is_known():
    assert not is_dead("elsewhere/1/1")
    assert not is_dead("")

"""A clock of their own for all Python processes that start with this folder in PYTHONPATH and a SIMULATED_CLOCK.

It is the wall clock only: what waits, and what measures durations, goes on by the real one. So does gRPC, whose
deadlines are instants of the real clock.
"""

import os
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace


def _follow(file: Path) -> None:
    import time_machine

    from tests.simulated.clock import SimulatedClock

    _leave_grpc_alone(time_machine.escape_hatch.time.time)
    clock = SimulatedClock(file)
    traveller = time_machine.travel(clock.now(), tick=False).start()

    def move() -> None:
        while True:
            pause.wait(0.02)
            traveller.move_to(clock.now())

    pause = threading.Event()
    threading.Thread(target=move, name="simulated clock", daemon=True).start()


def _leave_grpc_alone(real_time: object) -> None:
    import grpc  # noqa: F401

    real = SimpleNamespace(**{**vars(time), "time": real_time})
    for name, module in list(sys.modules.items()):
        if name.startswith("grpc") and getattr(module, "time", None) is time:
            module.time = real


if "SIMULATED_CLOCK" in os.environ:
    _follow(Path(os.environ["SIMULATED_CLOCK"]))

"""What a job cost: time, memory, when and where."""

from __future__ import annotations

import platform
import time
from typing import Any

from harness.records.environment import machine


class Clock:
    """Measures a job: seconds of the clock and of the processor, peak memory, and when and where it ran."""

    def __init__(self) -> None:
        self.started = time.time()
        self.before = 0.0  # seconds of earlier attempts that were cut off
        self.parts: dict[str, float] = {}

    def seconds(self) -> float:
        return self.before + time.time() - self.started

    def part(self, name: str, seconds: float) -> None:
        """Adds to the seconds of a part of the job."""
        self.parts[name] = self.parts.get(name, 0.0) + seconds

    def state_dict(self) -> dict[str, float]:
        return {"seconds": self.seconds()}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.before = state["seconds"]

    def measured(self) -> dict[str, Any]:
        """Record's part `measured`: seconds, those of parts, peak memory of the process in MiB, start in UTC, host and
        processor."""
        import resource

        return {
            "seconds": round(self.seconds(), 3),
            "cpu_seconds": round(time.process_time(), 3),
            "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started)),
            "host": platform.node(),
            "machine": machine(),
            **({"parts": {name: round(seconds, 6) for name, seconds in self.parts.items()}} if self.parts else {}),
        }

"""Resource limits of a submission, and of each of its questions."""

from __future__ import annotations

from dataclasses import asdict, dataclass

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """Resource limits for the cells of a submission, or for one question.

    `seconds` is wall-clock time, `cpu` processor time; memory is counted above that of the imports, over all processes, and
    `processes` counts their threads too. For a question only `seconds`, `cpu` and `answer_bytes` count; the others are for the
    submission as a whole.
    """

    seconds: float = 60.0
    cpu: float = 60.0
    memory_bytes: int = 2048 * MIB
    processes: int = 64
    file_bytes: int = 128 * MIB
    scratch_bytes: int = 256 * MIB
    output_bytes: int = 1024 * MIB
    answer_bytes: int = 64 * MIB

    def as_dict(self) -> dict[str, float]:
        """The limits as a dictionary."""
        return asdict(self)

"""What keeps a submission in while it is graded, on this machine: every tier is set up, and every escape that the kit knows is tried."""

from __future__ import annotations

from collections.abc import Iterator

TIERS = {
    "bubblewrap": "enough to grade with",
    "namespaces": "enough to grade with",
    "landlock": "enough to grade with",
    "none": "for one's own code; grading refuses it unless told --trust-submissions",
}


def check_sandbox() -> Iterator[str]:
    """A line for each tier: how many escapes it blocks, and the names of those that it does not; or why it is not to be had here."""
    from cnnlab.grading.escapes import ESCAPES, succeeded, try_escapes
    from cnnlab.grading.runner import Runner
    from cnnlab.grading.runner_protocol import RunnerError

    for tier, use in TIERS.items():
        try:
            with Runner([tier]) as runner:
                results = try_escapes(runner)
                sandbox = str(runner.sandbox)
        except RunnerError as error:
            yield f"{tier}: not to be had here ({error})"
            continue
        unblocked = [escape.name for escape in ESCAPES if succeeded(results[escape.name])]
        yield f"{sandbox}: blocks {len(results) - len(unblocked)} of {len(results)} escapes; {use}"
        yield from (f"    not blocked: {name}" for name in unblocked)

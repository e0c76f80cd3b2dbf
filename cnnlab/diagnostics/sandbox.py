"""Which sandbox tiers confine a submission on this machine."""

from __future__ import annotations

from collections.abc import Iterator

TIERS = {
    "namespaces": "enough to grade with",
    "bubblewrap": "enough to grade with, some seconds a submission",
    "without walls": "for one's own code; grading refuses it unless told --without-walls",
}


def check_sandbox() -> Iterator[str]:
    """A line for each tier: the number of escapes that it blocks and the names of the others, or why the tier is not available here."""
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

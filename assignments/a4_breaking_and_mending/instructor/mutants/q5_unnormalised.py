"""The mean error, with no reference.

Hint: divide by the errors of the reference
"""


def corruption_scores(predictions, labels, reference, included):
    found = {}
    for kind in included:
        errors = (predictions[kind] != labels).float().mean(1)
        found[kind] = float(errors.mean())
    return {"CE": found, "mCE": sum(found.values()) / len(found)}

"""In per cent, as the paper prints it.

Hint: not per cent
"""


def corruption_scores(predictions, labels, reference, included):
    found = {}
    for kind in included:
        errors = (predictions[kind] != labels).float().mean(1)
        found[kind] = 100 * float(errors.sum() / reference[kind].sum())
    return {"CE": found, "mCE": sum(found.values()) / len(found)}

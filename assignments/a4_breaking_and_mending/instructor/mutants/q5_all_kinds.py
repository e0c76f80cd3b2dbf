"""The corruptions for tuning count too.

Hint: leave them out
"""


def corruption_scores(predictions, labels, reference, included):
    found = {}
    for kind in predictions:
        errors = (predictions[kind] != labels).float().mean(1)
        found[kind] = float(errors.sum() / reference[kind].sum())
    return {"CE": found, "mCE": sum(found.values()) / len(found)}

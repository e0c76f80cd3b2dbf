"""Each severity is divided by itself.

Hint: the sums, not the mean
"""


def corruption_scores(predictions, labels, reference, included):
    found = {}
    for kind in included:
        errors = (predictions[kind] != labels).float().mean(1)
        found[kind] = float((errors / reference[kind]).mean())
    return {"CE": found, "mCE": sum(found.values()) / len(found)}

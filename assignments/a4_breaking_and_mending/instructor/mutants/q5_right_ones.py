"""The share of right answers.

Hint: what is *wrong*
"""


def corruption_scores(predictions, labels, reference, included):
    found = {}
    for kind in included:
        errors = (predictions[kind] == labels).float().mean(1)
        found[kind] = float(errors.sum() / reference[kind].sum())
    return {"CE": found, "mCE": sum(found.values()) / len(found)}

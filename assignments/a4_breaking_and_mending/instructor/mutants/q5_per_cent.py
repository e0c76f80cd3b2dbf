"""In per cent, as the paper prints it.

Hint: not per cent
"""


def corruption_scores(answers, labels, reference, counted):
    found = {}
    for kind in counted:
        errors = (answers[kind] != labels).float().mean(1)
        found[kind] = 100 * float(errors.sum() / reference[kind].sum())
    return {"CE": found, "mCE": sum(found.values()) / len(found)}

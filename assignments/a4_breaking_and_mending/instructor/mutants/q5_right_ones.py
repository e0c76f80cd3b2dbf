"""The share of right answers.

Hint: what is *wrong*
"""


def corruption_scores(answers, labels, reference, counted):
    found = {}
    for kind in counted:
        errors = (answers[kind] == labels).float().mean(1)
        found[kind] = float(errors.sum() / reference[kind].sum())
    return {"CE": found, "mCE": sum(found.values()) / len(found)}

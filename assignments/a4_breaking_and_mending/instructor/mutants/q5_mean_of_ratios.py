"""Each severity is divided by itself.

Hint: the sums, not the mean
"""


def corruption_scores(answers, labels, reference, counted):
    found = {}
    for kind in counted:
        errors = (answers[kind] != labels).float().mean(1)
        found[kind] = float((errors / reference[kind]).mean())
    return {"CE": found, "mCE": sum(found.values()) / len(found)}

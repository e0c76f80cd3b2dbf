"""With numpy, the mean last."""

import numpy as np


def corruption_scores(answers, labels, reference, counted):
    truth = labels.numpy()
    ce = {
        kind: np.mean(answers[kind].numpy() != truth, axis=1).sum()
        / np.sum(reference[kind].numpy(), dtype=np.float64)
        for kind in counted
    }
    return {"mCE": np.mean(list(ce.values())), "CE": ce}

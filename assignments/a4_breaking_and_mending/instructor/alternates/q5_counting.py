"""By counting, with loops; tensors come back."""

import torch


def corruption_scores(predictions, labels, reference, included):
    result = {"CE": {}, "mCE": 0.0}
    for kind in included:
        wrong = 0
        for row in predictions[kind]:
            for answer, label in zip(row.tolist(), labels.tolist(), strict=True):
                wrong += answer != label
        result["CE"][kind] = torch.tensor(wrong / len(labels)) / sum(reference[kind])
    result["mCE"] = torch.stack(list(result["CE"].values())).mean()
    return result

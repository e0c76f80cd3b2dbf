"""Picture by picture, in plain numbers."""


def pointing_game(relevance, masks):
    rate, chance, count = 0.0, 0.0, 0
    for values, mask in zip(relevance, masks, strict=True):
        if not mask.any():
            continue
        places = (values == values.max()).nonzero().tolist()
        rate += sum(bool(mask[row, column]) for row, column in places) / len(places)
        chance += mask.sum().item() / mask.numel()
        count += 1
    return rate / count, chance / count

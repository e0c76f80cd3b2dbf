"""Every filter gets its border by padding, then the tiles are put in rows."""

import torch


def filter_grid(weights, columns):
    count = len(weights)
    flat = weights.flatten(1)
    low, span = flat.amin(1), flat.amax(1) - flat.amin(1)
    scaled = (weights - low.view(-1, 1, 1, 1)) / torch.where(span == 0, 1.0, span).view(-1, 1, 1, 1)
    scaled[span == 0] = 0.5
    tiles = torch.nn.functional.pad(scaled, (0, 1, 0, 1), value=1.0)
    empty = torch.ones_like(tiles[:1]).expand(-count % columns, -1, -1, -1)
    tiles = torch.cat([tiles, empty]).unflatten(0, (-1, columns))
    rows = [torch.cat(list(row), dim=2) for row in tiles]
    return torch.cat(rows, dim=1)[:, :-1, :-1]

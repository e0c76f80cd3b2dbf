"""With loops over every place."""


def top_patches(maps, k, size, step, start, side):
    best = []
    for picture in range(maps.shape[0]):
        winner = None
        for row in range(maps.shape[1]):
            for column in range(maps.shape[2]):
                value = maps[picture, row, column].item()
                if winner is None or value > winner[0]:
                    winner = (value, row, column)
        best.append((winner[0], picture, winner[1], winner[2]))
    best.sort(key=lambda entry: entry[0], reverse=True)
    result = []
    for _, picture, row, column in best[:k]:
        box = [
            start + row * step,
            start + column * step,
            start + row * step + size,
            start + column * step + size,
        ]
        result.append([picture] + [min(side, max(0, edge)) for edge in box])
    return result

"""Row by row, in plain Python."""

import math


def unit_length(codes):
    rows = []
    for row in codes.tolist():
        size = math.sqrt(sum(number * number for number in row))
        rows.append([number / size for number in row] if size > 0 else row)
    return rows

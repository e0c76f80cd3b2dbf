"""The smallest cosine comes first.

Hint: the farthest
"""


def neighbours(queries, codes, k):
    one, other = queries / queries.norm(dim=1, keepdim=True), codes / codes.norm(dim=1, keepdim=True)
    return (one @ other.T).argsort(1)[:, :k]

"""Embedding of features in the plane: PCA and t-SNE, and a grid of thumbnails.

Plots of the points, or of the pictures at their positions, belong to `cnnlab.figures`.
"""

from __future__ import annotations

from math import ceil

import numpy as np
import torch
from torch import Tensor

from cnnlab._validation import one_of, positive_int, whole_number
from cnnlab.features._validation import checked_vectors
from cnnlab.features.postprocessing import pca

METHODS = ("pca", "tsne")


def embed(
    features: Tensor,
    method: str = "tsne",
    *,
    dimensions: int = 2,
    perplexity: float = 30.0,
    pca_components: int = 50,
    seed: int = 0,
) -> Tensor:
    """Embed feature vectors in two dimensions by PCA or t-SNE.

    "pca" projects to the axes of largest variance: distances on the map are never larger than true ones, and points far apart
    on the map are far apart. "tsne" moves the points until the neighbours of each are its neighbours on the map too: groups become
    visible, but their sizes and the distances between them mean little, and another seed gives another map.

    Parameters
    ----------
    features
        N x D.
    method
        "pca" or "tsne".
    dimensions
        2 for a map; 3 works too.
    perplexity
        t-SNE: roughly the number of neighbours that each point tries to keep; less than N.
    pca_components
        t-SNE starts from this many principal components, which removes noise and saves most of the time.
    seed
        t-SNE: seed of the optimisation.

    Returns
    -------
    Tensor
        N x dimensions in float32; the first axis points right, the second up.

    Raises
    ------
    TypeError, ValueError
        If features are not vectors, the method is not known, or the perplexity is too large for their number.

    References
    ----------
    van der Maaten & Hinton (2008), Visualizing data using t-SNE; by scikit-learn. Wattenberg, Viegas & Johnson (2016), How
    to use t-SNE effectively. Lecture S, "Last Layer: Dimensionality Reduction"; lecture B, "Visualize the Representation
    Space".

    Example
    -------
    >>> embed(torch.randn(30, 100), "pca").shape
    torch.Size([30, 2])
    """
    features = checked_vectors(features, min_rows=3)
    one_of(method, METHODS, "method")
    dimensions = positive_int(dimensions, "dimensions")
    if method == "pca":
        return pca(features, dimensions).project(features).float().cpu()
    if not 0 < perplexity < len(features):
        raise ValueError(
            f"perplexity must be above 0 and less than the {len(features)} points, but got {perplexity:g}."
        )
    from sklearn.manifold import TSNE

    axes = pca(features)
    components = min(whole_number(pca_components, "pca_components", minimum=dimensions), len(axes.axes))
    reduced = axes.project(features, components).float().cpu().numpy()
    start = (
        "pca" if components >= dimensions else "random"
    )  # vectors on a line have no second axis for the initialisation
    tsne = TSNE(dimensions, perplexity=perplexity, init=start, learning_rate="auto", random_state=seed)
    return torch.from_numpy(tsne.fit_transform(reduced)).float()


def grid_assignment(points: Tensor, columns: int | None = None) -> Tensor:
    """Grid assignment: a grid cell for each point, so that pictures drawn there do not overlap.

    The points are scaled to the grid, and the cells assigned so that the sum of squared distances between points and
    their cells is smallest (linear assignment). Some cells stay empty if N does not fill the grid.

    Parameters
    ----------
    points
        N x 2, the first axis pointing right, the second up, as returned by `embed`.
    columns
        Width of the grid; None makes it approximately square.

    Returns
    -------
    Tensor
        N x 2 whole numbers, row and column of the cell, each cell at most once; row 0 is at the top.

    Raises
    ------
    TypeError, ValueError
        If the points are not N x 2.

    References
    ----------
    Jonker & Volgenant (1987), A shortest augmenting path algorithm for dense and sparse linear assignment problems; by
    scipy.

    Example
    -------
    >>> grid_assignment(torch.tensor([[0.0, 0.0], [0.1, 5.0], [4.0, 4.9], [4.0, 0.1]])).tolist()
    [[1, 0], [0, 0], [0, 1], [1, 1]]
    """
    from scipy.optimize import linear_sum_assignment

    points = checked_vectors(points, "points")
    if points.shape[1] != 2:
        raise ValueError(f"points must be N x 2, but came as {tuple(points.shape)}.")
    columns = ceil(len(points) ** 0.5) if columns is None else positive_int(columns, "columns")
    rows = ceil(len(points) / columns)
    low, high = points.double().cpu().aminmax(dim=0)
    scaled = (points.double().cpu() - low) / (high - low).clamp(min=1e-12)  # in [0, 1]
    cell_coordinates = torch.stack([(1 - scaled[:, 1]) * (rows - 1), scaled[:, 0] * (columns - 1)], 1)
    cells = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
    cost = torch.cdist(cell_coordinates, cells.double()).square().numpy()
    point, cell = linear_sum_assignment(cost)
    return cells[torch.from_numpy(cell[np.argsort(point)])]

"""Sanity checks for saliency maps: randomise the weights, layer by layer, and see whether the map changes.

A map that does not change when the weights are random has shown the image, not the network. For the other question, whether
a map lies on the object, see `cnnlab.attribution.localisation_metrics`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import image_batch
from cnnlab.attribution.targets import Target, parse_target, resolve_target
from cnnlab.networks.activations import layer_names, resolve_layer
from cnnlab.networks.eval_mode import layered
from cnnlab.networks.forward import as_pixels


@dataclass(frozen=True, eq=False)
class Randomisation:
    """Result of `parameter_randomisation`: the similarity between maps of the trained and the randomised network.

    Attributes
    ----------
    layers
        Names of the L layers in the order in which they were randomised, from the last to the first.
    correlation
        N x L floats in [-1, 1]: rank correlation of the signed maps; NaN where a map is constant.
    absolute_correlation
        N x L floats in [-1, 1]: rank correlation of the absolute maps.
    similarity
        N x L floats up to 1: structural similarity (SSIM) of the absolute maps, each scaled to a maximum of 1; NaN where a
        map is zero everywhere.
    """

    layers: tuple[str, ...]
    correlation: Tensor
    absolute_correlation: Tensor
    similarity: Tensor


@torch.inference_mode(False)
def parameter_randomisation(
    model: nn.Module,
    images: Tensor,
    technique: Callable[[nn.Module, Tensor, Sequence[int]], Tensor],
    target: Target = None,
    *,
    layers: Sequence[str] | None = None,
    cascading: bool = True,
    seed: int = 0,
    progress: bool = False,
) -> Randomisation:
    """Parameter randomisation test: the similarity of maps as more and more layers are randomised.

    From the last layer to the first, the entries of each weight and bias tensor are shuffled: what was learned is lost, but the
    distribution of the weights is the same, so signals neither vanish nor explode. After each layer the map is computed again, for
    the same class. For a technique that explains the network the map must change: correlation and similarity fall towards 0. If
    they stay high, the technique works like an edge detector.

    Parameters
    ----------
    model
        Any module that maps N x 3 x H x W in [0, 1] to N x C logits. Copies are randomised; the model itself is unchanged.
    images
        N x 3 x H x W in [0, 1], or one image 3 x H x W.
    technique
        Called as technique(model, images, classes), returns N x 3 x H x W or N x H x W: `gradient`, `guided_backprop`,
        `grad_cam`, or any function of your own.
    target
        Class index or name, None for the class predicted by the trained network; one for all, or a list with one for each.
    layers
        Names of layers in the order of randomisation; None for all with weights, from the last to the first.
    cascading
        Whether earlier randomised layers stay randomised; False randomises one layer at a time.
    seed
        Seed of the shuffling.
    progress
        Show a progress bar.

    Returns
    -------
    Randomisation
        For each image and layer two rank correlations and the structural similarity, on the CPU; always with the axis N.

    Raises
    ------
    ValueError
        If a layer is not in the network, it has no weights, or the technique returns other axes.

    References
    ----------
    Adebayo, Gilmer, Muelly, Goodfellow, Hardt & Kim, "Sanity Checks for Saliency Maps", NeurIPS 2018, section 3 (they draw new
    initial weights). A check on the maps of lectures S, L, K and N.

    Example
    -------
    >>> from cnnlab.attribution import gradient
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 5))
    >>> parameter_randomisation(model, torch.rand(3, 16, 16), gradient, target=2).layers
    ('1',)
    """
    batch = as_pixels(model, image_batch(images)[0])
    classes = list(resolve_target(model, batch, parse_target(len(batch), target, None, None), 32).targets)
    names = _with_weights(model)[::-1] if layers is None else list(layers)
    generator = torch.Generator().manual_seed(seed)
    original = _map(technique, model, batch, classes)
    randomised, rows = copy.deepcopy(layered(model)), []
    for name in tqdm(names, desc="layers randomised", disable=not progress):
        if not cascading:
            randomised = copy.deepcopy(layered(model))
        _shuffle(resolve_layer(randomised, name), name, generator)
        changed = _map(technique, randomised, batch, classes)
        magnitudes = _magnitudes(original), _magnitudes(changed)
        rows.append(
            torch.stack(
                [
                    rank_correlation(original, changed),
                    rank_correlation(*magnitudes),
                    structural_similarity(*magnitudes),
                ]
            )
        )
    return Randomisation(tuple(names), *torch.stack(rows, 2))


def rank_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Spearman's rank correlation of maps N x ..., map by map (N); equal values share their mean rank.

    NaN where a map is constant.

    Example
    -------
    >>> rank_correlation(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[1.0, 4.0, 9.0]]))
    tensor([1.], dtype=torch.float64)
    """
    ranks = [torch.stack([_ranks(row) for row in maps.flatten(1)]) for maps in (first, second)]
    first, second = (rank - rank.mean(1, keepdim=True) for rank in ranks)
    return (first * second).sum(1) / (first.square().sum(1) * second.square().sum(1)).sqrt()


def structural_similarity(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity (SSIM) of maps N x H x W with values in [0, 1], at least 11 x 11 pixels: N numbers.

        SSIM = mean over windows of (2 m n + c1) (2 s_mn + c2) / ((m^2 + n^2 + c1) (s_m^2 + s_n^2 + c2))

    with m and n the means of both maps in a Gaussian window of 11 x 11 pixels (standard deviation 1.5), s their variances and
    covariance, c1 = 0.01^2, c2 = 0.03^2. 1 for equal maps.

    References
    ----------
    Wang, Bovik, Sheikh & Simoncelli, "Image Quality Assessment: From Error Visibility to Structural Similarity", IEEE
    Transactions on Image Processing 2004, equation 13.

    Example
    -------
    >>> structural_similarity(torch.ones(1, 16, 16), torch.zeros(1, 16, 16)) < 0.01
    tensor([True])
    """
    if first.shape != second.shape or first.dim() != 3 or min(first.shape[1:]) < 11:
        raise ValueError(
            "both maps must be N x H x W with sides of at least 11 pixels, but came as"
            f" {tuple(first.shape)} and {tuple(second.shape)}."
        )
    first, second = first.double().unsqueeze(1), second.double().unsqueeze(1)  # N x 1 x H x W
    taps = torch.exp(-(torch.arange(-5.0, 6.0, dtype=torch.double) ** 2) / (2 * 1.5**2))
    window = torch.outer(taps / taps.sum(), taps / taps.sum()).view(1, 1, 11, 11)
    means = F.conv2d(first, window), F.conv2d(second, window)
    variances = (
        F.conv2d(maps**2, window) - mean**2 for maps, mean in zip((first, second), means, strict=True)
    )
    covariance = F.conv2d(first * second, window) - means[0] * means[1]
    c2, c1 = 0.03**2, 0.01**2
    numerator = (2 * means[0] * means[1] + c1) * (2 * covariance + c2)
    return (numerator / ((means[0] ** 2 + means[1] ** 2 + c1) * (sum(variances) + c2))).mean((1, 2, 3))


def _with_weights(model: nn.Module) -> list[str]:
    """The layers with weights of their own, in the order in which they run."""
    names = [n for n in layer_names(model) if [*resolve_layer(model, n).parameters(recurse=False)]]
    if not names:
        raise ValueError("no layer of this network has weights that could be randomised.")
    return names


def _shuffle(module: nn.Module, name: str, generator: torch.Generator) -> None:
    """Put the entries of each weight and bias tensor of a layer into random order."""
    parameters = list(module.parameters())
    if not parameters:
        raise ValueError(f'layer "{name}" has no weights that could be randomised.')
    with torch.no_grad():
        for parameter in parameters:
            order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))


def _map(technique: Callable, model: nn.Module, batch: Tensor, classes: list[int]) -> Tensor:
    maps = technique(model, batch, classes).detach().cpu()
    allowed = (len(batch), 3, *batch.shape[2:]), (len(batch), *batch.shape[2:])
    if maps.shape not in allowed:
        raise ValueError(
            f"the technique must give N x 3 x H x W or N x H x W, but gave {tuple(maps.shape)} for"
            f" {tuple(batch.shape)}."
        )
    return maps


def _magnitudes(maps: Tensor) -> Tensor:
    """N x H x W: absolute values, the largest over the channels, scaled to a maximum of 1 in each map."""
    sizes = maps.abs().double()
    sizes = sizes.amax(1) if sizes.dim() == 4 else sizes
    return sizes / sizes.amax((1, 2), keepdim=True)


def _ranks(values: Tensor) -> Tensor:
    """Ranks of a row of numbers in rising order, from 1 on, equal ones at their mean rank; NaN stays NaN."""
    if values.isnan().any():
        return torch.full_like(values, torch.nan, dtype=torch.double)
    _, inverse, counts = values.unique(return_inverse=True, return_counts=True)
    return (counts.cumsum(0) - (counts - 1) / 2).double()[inverse]

"""Noise matching: a layer with as many units and as much noise as recorded neurons, for a fair comparison."""

from __future__ import annotations

import torch
from torch import Tensor

from cnnlab._validation import positive_int, whole_number
from cnnlab.features._validation import checked_vectors
from cnnlab.features.neural_recordings import Recordings


def match_recordings(
    features: Tensor,
    recordings: Recordings,
    units: int,
    *,
    trials: int | None = None,
    noise: float = 1.0,
    seed: int = 0,
) -> Tensor:
    """Noise matching: activations of a layer, subsampled and with noise added, so that they match recorded neurons.

    `units` of the features are sampled, and each is matched to a random recorded site: it takes over the site's mean, deviation over
    pictures (signal) and noise. With z the feature standardised to mean 0 and deviation 1,

        r = max(0, mean + signal * z)
        response = r + noise * sqrt(fano * r / trials) * e,        e sampled from a normal distribution

    so that the noise grows with the response, as it does for neurons, and shrinks with averaging.

    Parameters
    ----------
    features
        N x D, of the recordings' pictures in their order.
    recordings
        With two trials or more, so that their noise is known.
    units
        Number of units, at most the number of features that vary.
    trials
        Number of trials over which the noise is averaged; as many as were recorded, by default.
    noise
        1 matches the recordings, 0 leaves the noise out.
    seed
        Seed of the units, the sites and the noise.

    Returns
    -------
    Tensor
        N x units.

    Raises
    ------
    ValueError
        If the number of pictures differs, there are fewer units than requested, or the noise is negative.

    References
    ----------
    Cadieu, Hong, Yamins, Pinto, Ardila, Solomon, Majaj & DiCarlo (2014), who compare equal numbers of model units and neural sites with
    matched noise; the form of the noise here is this kit's. Lecture L, "Human vs machine" (80 against 80, 40 against 40).

    Example
    -------
    >>> match_recordings(features, recordings, 80, noise=0.0).shape  # doctest: +SKIP
    torch.Size([280, 80])
    """
    features = checked_vectors(features, min_rows=2)
    if len(features) != len(recordings.responses):
        raise ValueError(
            f"features must be of the {len(recordings.responses)} recorded pictures, but there are {len(features)}."
        )
    if not noise >= 0:
        raise ValueError(f"noise must be 0 or more, but got {noise!r}.")
    varying = (features.std(0) > 1e-6).nonzero()[:, 0]
    units = positive_int(units, "units")
    if units > len(varying):
        raise ValueError(
            f"{units} units were asked for, but only {len(varying)} of the layer vary over the pictures."
        )
    trials = recordings.responses.shape[2] if trials is None else positive_int(trials, "trials")
    generator = torch.Generator().manual_seed(whole_number(seed, "seed"))
    selected = varying[torch.randperm(len(varying), generator=generator)[:units]]
    mean, signal = recordings.signal()
    site = torch.randint(len(mean), (units,), generator=generator)
    z = features[:, selected]
    z = (z - z.mean(0)) / z.std(0)
    response = (mean[site] + signal[site] * z).clamp(min=0)
    spread = (recordings.fano_factor()[site] * response / trials).sqrt()
    return response + noise * spread * torch.randn(response.shape, generator=generator)

"""Neural recordings: responses of neurons to pictures, read from a file or simulated from a network.

For their analysis, next to that of the layers of a network, see `noise_matching`, `decoding`, `kernel_analysis` and
`representational_similarity`. A simulated population is labelled as simulated wherever it is shown (`Recordings.title`).
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cnnlab._validation import positive_int, whole_number
from cnnlab.features.extraction import extract_features

REQUIRED_KEYS = ("responses", "labels", "class_names", "images", "simulated")
SIMULATED = "simulated population"


@dataclass(frozen=True, eq=False)
class Recordings:
    """Recorded responses of S sites (neurons, or groups of them) to N pictures, each shown T times.

    Attributes
    ----------
    responses
        N x S x T floats: spike counts or rates, one for each picture, site and trial.
    labels, class_names
        N class indices, and the names of the classes.
    images
        N x 3 x H x W bytes: the pictures shown, so that the same can be given to a network.
    simulated
        Whether the responses are simulated, not recorded from an animal.
    description
        Their source, in a sentence.
    """

    responses: Tensor
    labels: Tensor
    class_names: tuple[str, ...]
    images: Tensor
    simulated: bool
    description: str = ""

    @property
    def title(self) -> str:
        """Title in figures: "recordings", or "simulated population" if simulated."""
        return SIMULATED if self.simulated else "recordings"

    def mean(self, trials: int | None = None) -> Tensor:
        """N x S: the mean over the first `trials` trials; all of them by default."""
        maximum = self.responses.shape[2]
        count = maximum if trials is None else whole_number(trials, "trials", minimum=1, maximum=maximum)
        return self.responses[:, :, :count].mean(2)

    def split_halves(self, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Means over two random halves of the trials, to measure how reliable the responses are."""
        trials = self._checked_trials()
        order = torch.randperm(trials, generator=torch.Generator().manual_seed(whole_number(seed, "seed")))
        parts = order[: trials // 2], order[trials // 2 : 2 * (trials // 2)]
        return tuple(self.responses[:, :, part].mean(2) for part in parts)  # type: ignore[return-value]

    def fano_factor(self) -> Tensor:
        """S: the variance over trials divided by the mean, about 1 for Poisson counts."""
        self._checked_trials()
        variance = self.responses.var(2).mean(0)
        return variance / self.responses.mean((0, 2)).abs().clamp(min=1e-6)

    def signal(self) -> tuple[Tensor, Tensor]:
        """S means, and S standard deviations over pictures, corrected for the noise of the trials.

        signal^2 = variance over pictures of the mean over trials - variance over trials / T
        """
        trials = self._checked_trials()
        averaged, noise = self.mean(), self.responses.var(2).mean(0)
        return averaged.mean(0), (averaged.var(0) - noise / trials).clamp(min=0).sqrt()

    def _checked_trials(self) -> int:
        trials = self.responses.shape[2]
        if trials < 2:
            raise ValueError(
                "each picture was shown once only, so nothing is known of the noise; two trials are needed."
            )
        return trials


def read_recordings(file: str | os.PathLike) -> Recordings:
    """Read neural recordings from a file.

    The file is an .npz archive of NumPy (`numpy.savez`) with these arrays:

        responses    N x S x T floats: spike counts or rates for each picture, site and trial; all finite
        labels       N whole numbers, the class of each picture
        class_names  C strings
        images       N x H x W x 3 bytes (uint8): the pictures that were shown
        simulated    True or False: whether the responses are simulated; required
        about        a string: animal, area, source (may be absent)

    Returns
    -------
    Recordings

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not such an archive, an array is missing, or shapes and types do not fit together; the message says which.

    References
    ----------
    Cadieu, Hong, Yamins, Pinto, Ardila, Solomon, Majaj & DiCarlo (2014); lecture L, "Human vs machine".

    Example
    -------
    >>> read_recordings("it_neurons.npz").mean().shape  # doctest: +SKIP
    torch.Size([280, 168])
    """
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no file {path}; recordings are an .npz archive, see read_recordings."
        )
    try:
        with path.open("rb") as stream:
            archive = np.load(stream, allow_pickle=False)
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, zipfile.BadZipFile, AttributeError, OSError) as problem:
        raise ValueError(f"{path.name} is no .npz archive of plain arrays ({problem}).") from problem
    missing = [name for name in REQUIRED_KEYS if name not in arrays]
    if missing:
        raise ValueError(
            f"{path.name} lacks {', '.join(missing)}; it must hold {', '.join(REQUIRED_KEYS)}, but holds"
            f" {', '.join(arrays) or 'nothing'}."
        )
    return _validated(arrays, path.name)


def write_recordings(recordings: Recordings, file: str | os.PathLike) -> None:
    """Write neural recordings to a file that `read_recordings` reads."""
    np.savez_compressed(
        file,
        responses=recordings.responses.numpy(),
        labels=recordings.labels.numpy(),
        class_names=np.array(recordings.class_names),
        images=recordings.images.permute(0, 2, 3, 1).numpy(),
        simulated=np.array(recordings.simulated),
        about=np.array(recordings.description),
    )


def _validated(arrays: dict[str, np.ndarray], name: str) -> Recordings:
    responses, labels, images = (arrays[key] for key in ("responses", "labels", "images"))
    names, simulated = arrays["class_names"], arrays["simulated"]
    if responses.ndim != 3 or 0 in responses.shape or responses.dtype.kind not in "fiu":
        _raise_invalid(name, "responses", "numbers pictures x sites x trials", responses)
    if not np.isfinite(responses).all():
        bad_values = int((~np.isfinite(responses)).sum())
        raise ValueError(
            f"{name}: responses hold {bad_values} values that are not finite; leave such sites or pictures out."
        )
    count = len(responses)
    if names.ndim != 1 or names.dtype.kind != "U" or len(names) < 2:
        _raise_invalid(name, "class_names", "at least two strings", names)
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        _raise_invalid(name, "labels", f"{count} whole numbers, one for each picture", labels)
    if labels.min() < 0 or labels.max() >= len(names):
        raise ValueError(
            f"{name}: labels must lie in 0 ... {len(names) - 1}, as there are {len(names)} class_names."
        )
    if images.ndim != 4 or len(images) != count or images.shape[3] != 3 or images.dtype != np.uint8:
        _raise_invalid(name, "images", f"{count} pictures, N x H x W x 3 bytes (uint8)", images)
    if simulated.shape != () or simulated.dtype.kind != "b":
        _raise_invalid(name, "simulated", "True or False", simulated)
    return Recordings(
        responses=torch.from_numpy(responses).float(),
        labels=torch.from_numpy(labels).long(),
        class_names=tuple(map(str, names)),
        images=torch.from_numpy(images).permute(0, 3, 1, 2),
        simulated=bool(simulated),
        description=str(arrays.get("about", "")),
    )


def _raise_invalid(name: str, key: str, expected: str, received: np.ndarray) -> None:
    raise ValueError(
        f"{name}: {key} must be {expected}, but came as {received.dtype} of shape {received.shape}."
    )


def simulate_recordings(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    class_names: Sequence[str],
    layer: str,
    *,
    sites: int = 80,
    trials: int = 6,
    units_per_site: int = 4,
    rate: float = 3.0,
    seed: int = 0,
) -> Recordings:
    """Simulated recordings: spike counts sampled from the activations of a layer, for use without real data.

    Each site mixes `units_per_site` units of the layer with random weights, is standardised to mean 0 and deviation 1 over the
    pictures (z), and responds with Poisson counts of mean

        rate * max(0, 1 + z / 2).

    It is *not* a model of a brain: results with it show how the methods work, nothing about cortex. Compare it with other
    networks than the one it is made of.

    Parameters
    ----------
    model, layer
        The network whose units are mixed.
    images, labels, class_names
        N x 3 x H x W bytes, N class indices and the names.
    sites, trials
        Number of sites, and how often each picture is "shown"; Cadieu and others (2014) recorded 6 displays or more, says lecture L.
    units_per_site, rate
        Units in a site, and its mean count in a trial: fewer spikes, more noise.

    Returns
    -------
    Recordings
        With `simulated` true.
    """
    trials, sites = positive_int(trials, "trials"), positive_int(sites, "sites")
    vectors = extract_features(model, images.float() / 255, layer, "mean")
    vectors = (vectors - vectors.mean(0)) / vectors.std(0).clamp(min=1e-6)
    generator = torch.Generator().manual_seed(whole_number(seed, "seed"))
    weights = torch.zeros(vectors.shape[1], sites)
    for site in range(sites):
        selected = torch.randperm(vectors.shape[1], generator=generator)[
            : positive_int(units_per_site, "units_per_site")
        ]
        weights[selected, site] = torch.randn(len(selected), generator=generator)
    drive = vectors @ weights
    drive = (drive - drive.mean(0)) / drive.std(0).clamp(min=1e-6)
    means = rate * (1 + drive / 2).clamp(min=0)
    counts = torch.poisson(means[:, :, None].expand(-1, -1, trials).contiguous(), generator=generator)
    network_name = getattr(model, "name", type(model).__name__)
    description = (
        f"Simulated: Poisson counts of mixed units of {network_name}, layer {layer}. No animal took part."
    )
    return Recordings(counts, labels, tuple(class_names), images, True, description)

"""The world: rendered pictures whose truth is known to the pixel, the splits cut from them, and photographs.

    names       what a pixel can be called: objects, parts, scenes, materials, textures, colours
    recipe      everything that a picture is drawn from, as a plain value
    picture     seed or recipe -> `Picture` (image and maps)
    datasets    splits with labels, drawn once and kept in the cache
    instances   collections in which single objects are seen several times
    photo       a photo of yours as the square tensor that a network takes
    photographs photographs with makers and licences that are at hand without a connection, or a folder of yours
    photo_set   what a set of photographs is, and the data sets made of it
    cache       where drawn splits are kept
    textures, surfaces, outlines, animals, things, shapes, scenes, painter, styles    how the drawing is done

Networks do not belong here, nor figures of results: the world knows nothing of who looks at it.
"""

from cnnlab.world.datasets import SPLITS, Dataset, Labelled, dataset
from cnnlab.world.instances import Instances, instances
from cnnlab.world.names import CLUTTER, COLOURS, MATERIALS, NAMES, OBJECTS, PARTS, SCENES, TEXTURES, index_of
from cnnlab.world.photo import photo
from cnnlab.world.photo_set import Photograph, Photographs
from cnnlab.world.photographs import photographs
from cnnlab.world.picture import Picture, render
from cnnlab.world.recipe import STYLES, Recipe, sample
from cnnlab.world.samples import SAMPLES, sample_photo

__all__ = [
    *(
        "CLUTTER",
        "COLOURS",
        "MATERIALS",
        "NAMES",
        "OBJECTS",
        "PARTS",
        "SAMPLES",
        "SCENES",
        "SPLITS",
        "STYLES",
        "TEXTURES",
    ),
    *("Dataset", "Instances", "Labelled", "Photograph", "Photographs", "Picture", "Recipe"),
    *("dataset", "index_of", "instances", "photo", "photographs", "render"),
    *("sample", "sample_photo"),
]

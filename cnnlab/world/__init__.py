"""The world: rendered pictures whose truth is known to the pixel, the splits cut from them, and photographs.

    names                                                                                  what a pixel can be called: objects, parts,
                                                                                           scenes, materials, textures, colours
    recipe                                                                                 everything that a picture is drawn from, as a
                                                                                           plain value
    picture                                                                                seed or recipe -> `Picture` (image and maps)
    datasets                                                                               splits with labels, drawn once and kept in
                                                                                           the cache
    instances                                                                              collections in which single objects are seen
                                                                                           several times
    photo                                                                                  a photo of yours as the square tensor that a
                                                                                           network takes
    photographs, photo_set, photo_datasets, crops                                          many photographs, with makers, licences and
                                                                                           labels: those that are at hand without a
                                                                                           connection, a folder of yours, torchvision's
                                                                                           data sets; as squares or as patches
    cache                                                                                  where drawn splits are kept
    textures, surfaces, paths, animals, objects, object_classes, scenes, renderer, styles  how the drawing is done

Networks do not belong here, nor figures of results: the world knows nothing of who looks at it.
"""

from cnnlab.world.datasets import SPLITS, Dataset, Labelled, dataset
from cnnlab.world.instances import Instances, instances
from cnnlab.world.names import CLUTTER, COLOURS, MATERIALS, NAMES, OBJECTS, PARTS, SCENES, TEXTURES, index_of
from cnnlab.world.photo import Photograph, photo
from cnnlab.world.photo_set import Photographs
from cnnlab.world.photographs import photographs
from cnnlab.world.picture import Picture, render
from cnnlab.world.recipe import STYLES, Recipe, sample

__all__ = [
    *(
        "CLUTTER",
        "COLOURS",
        "MATERIALS",
        "NAMES",
        "OBJECTS",
        "PARTS",
        "SCENES",
        "SPLITS",
        "STYLES",
        "TEXTURES",
    ),
    *("Dataset", "Instances", "Labelled", "Photograph", "Photographs", "Picture", "Recipe"),
    *("dataset", "index_of", "instances", "photo", "photographs", "render", "sample"),
]

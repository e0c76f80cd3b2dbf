"""The world: rendered pictures with pixel-exact ground truth, the data splits made of them, and photographs.

    names                                                                                  the names of what a pixel shows: objects,
                                                                                           parts, scenes, materials, textures, colours
    recipe                                                                                 everything that defines a picture, as a
                                                                                           plain value
    picture                                                                                seed or recipe -> `Picture` (image and maps)
    datasets                                                                               labelled splits, rendered once and kept in
                                                                                           the cache
    parts                                                                                  single parts of an object left out or
                                                                                           replaced
    instances                                                                              collections with several views of each
                                                                                           single object
    wetness                                                                                a picture after rain
    photo                                                                                  your own photo as the square tensor that a
                                                                                           network takes
    photographs, photo_set, photo_datasets, crops                                          many photographs, with makers, licences and
                                                                                           labels: those available offline, a folder
                                                                                           of yours, torchvision's data sets; as
                                                                                           squares or as patches
    cache                                                                                  the folder of rendered splits
    drawing, renderer, scenes, object_classes, animals, objects, paths, surfaces, textures, styles  the rendering itself

Networks and figures of results do not belong here: the world does not depend on them.
"""

from cnnlab.world.datasets import SPLITS, Dataset, Labelled, dataset
from cnnlab.world.instances import Instances, instances
from cnnlab.world.names import CLUTTER, COLOURS, MATERIALS, NAMES, OBJECTS, PARTS, SCENES, TEXTURES, index_of
from cnnlab.world.parts import parts_of
from cnnlab.world.photo import Photograph, photo
from cnnlab.world.photo_set import Photographs
from cnnlab.world.photographs import photographs
from cnnlab.world.picture import Picture, render
from cnnlab.world.recipe import STYLES, Recipe, sample
from cnnlab.world.wetness import wet

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
    *("dataset", "index_of", "instances", "parts_of", "photo", "photographs", "render", "sample", "wet"),
]

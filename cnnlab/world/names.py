"""Names of the world: the possible labels of a pixel in each category.

A map of a category holds one byte for each pixel, an index into `NAMES[category]`; index 0 is "none". The classes that networks
are trained on are `OBJECTS` (in confusable pairs, neighbours in the tuple) and `SCENES`.
"""

from __future__ import annotations

from cnnlab._validation import one_of

# fmt: off
OBJECTS = (
    *("sheep", "goat", "wolf", "husky", "elephant", "rhinoceros", "bird", "duck", "fish", "whale"),
    *("car", "go-kart", "sailing boat", "steamboat", "house", "church", "tree", "mushroom", "cup", "teapot"),
)
SCENES = ("meadow", "rocks", "beach", "snow", "lake", "street", "room", "sky", "forest", "desert")
CLUTTER = ("ball", "stone", "bush", "flower", "crate", "post")
PARTS = (
    *("body", "head", "muzzle", "ear", "eye", "neck", "leg", "foot", "tail", "belly", "horn", "beard", "trunk", "tusk"),
    *("wing", "beak", "fin", "cabin", "window", "wheel", "bumper", "light", "seat", "driver", "steering wheel", "hull"),
    *("mast", "sail", "flag", "funnel", "wall", "roof", "door", "chimney", "tower", "cross", "stem", "crown", "cap"),
    *("spot", "handle", "spout", "lid", "rim", "saucer"),
)
MATERIALS = (
    *("wool", "fur", "hide", "feather", "scale", "skin", "horn", "metal", "rubber", "glass", "wood", "cloth", "brick"),
    *("stone", "ceramic", "leaf", "plaster", "tile", "flesh", "grass", "sand", "snow", "water", "air", "asphalt", "soil"),
    *("paper", "plastic"),
)
TEXTURES = (
    *("plain", "curly", "hairy", "shaggy", "wrinkled", "cracked", "feathered", "scaly", "striped", "dotted", "checkered"),
    *("woven", "grained", "bricked", "brushed", "leafy", "grassy", "rippled", "grainy", "cloudy", "rocky", "shingled"),
)
COLOURS = ("black", "grey", "white", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
# fmt: on

NAMES = {
    "object": ("none", *OBJECTS, *CLUTTER),
    "part": ("none", *PARTS),
    "scene": ("none", *SCENES),
    "material": ("none", *MATERIALS),
    "texture": ("none", *TEXTURES),
    "colour": ("none", *COLOURS),
}
"""For each category of pixel maps, the name behind each index."""

_INDEX = {category: {name: index for index, name in enumerate(names)} for category, names in NAMES.items()}


def index_of(category: str, name: str) -> int:
    """The byte for `name` in maps of `category`; the error for an unknown name lists the known ones."""
    table = _INDEX[one_of(category, NAMES, "category")]
    return table[name] if name in table else table[one_of(name, table, category)]

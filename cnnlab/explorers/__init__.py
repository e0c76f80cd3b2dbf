"""Live widgets for the notebooks: change something, see at once what the network says.

    base        what all explorers share: layout, pickers, status, errors in place, code, the still picture
    occlusion   drag an occluder over a picture: live top-5, the whole map filling in, the truth beside it

    stage, bars, parts        the widgets whose life is in the browser (plain ES modules beside them)
    pictures, sources         the controls that choose a picture, and the pictures that they choose
    covered, overlays         what is asked and answered: pure functions, tested without a widget
    whole_map, growth         slow work in short steps, which can be stopped
    encode, still             pictures as bytes; the still picture in a stored notebook

An explorer asks techniques (`cnnlab.attribution` ...) and shows; it computes nothing of its own.
"""

from cnnlab.explorers.base import Explorer
from cnnlab.explorers.occlusion import OcclusionExplorer

__all__ = ["Explorer", "OcclusionExplorer"]

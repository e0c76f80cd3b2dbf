"""What is written to disk of an explorer in a notebook."""

import copy

from cnnlab.saved_views import HINT, PICTURE, VIEW, keep_pictures

EXPLORER = {
    "output_type": "execute_result",
    "execution_count": 3,
    "metadata": {PICTURE: {"alt": "Grad-CAM explorer. A cat."}},
    "data": {VIEW: {"model_id": "1"}, PICTURE: "iVBOR", "text/plain": "Grad-CAM explorer. A cat."},
}
SLIDER = {
    "output_type": "display_data",
    "metadata": {},
    "data": {VIEW: {"model_id": "2"}, "text/plain": "IntSlider()"},
}
TEXT = {"output_type": "stream", "name": "stdout", "text": "0.5\n"}


def saved(*outputs: dict) -> list[dict]:
    cells = [{"cell_type": "markdown"}, {"cell_type": "code", "outputs": copy.deepcopy(list(outputs))}]
    model = {"type": "notebook", "content": {"cells": cells}}
    keep_pictures(model=model, path="notebook.ipynb", contents_manager=None)
    return model["content"]["cells"][1]["outputs"]


def test_an_explorer_is_saved_as_its_picture_with_a_line_on_how_to_bring_it_back():
    text, hint, picture = saved(TEXT, EXPLORER)
    assert text == TEXT
    assert hint["data"]["text/markdown"] == f"{HINT}\n\nGrad-CAM explorer. A cat."
    assert VIEW not in picture["data"]
    assert {key: value for key, value in EXPLORER.items() if key != "data"}.items() <= picture.items()
    assert picture["data"].items() <= EXPLORER["data"].items() and picture["data"][PICTURE] == "iVBOR"


def test_what_is_saved_is_saved_unchanged_the_next_time():
    once = saved(TEXT, EXPLORER)
    assert saved(*once) == once


def test_other_widgets_and_other_files_are_left_as_they_are():
    assert saved(SLIDER, TEXT) == [SLIDER, TEXT]
    for model in ({"type": "file", "content": "text"}, {"type": "directory", "content": None}):
        before = copy.deepcopy(model)
        keep_pictures(model=model, path="x", contents_manager=None)
        assert model == before

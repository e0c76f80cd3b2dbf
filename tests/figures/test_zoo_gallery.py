"""The pictures of the zoo: each is drawn, written, and has words."""

from io import BytesIO

import pytest
from PIL import Image

from cnnlab.figures import zoo_gallery


@pytest.mark.parametrize("name", ["filters", "grad_cam"])
def test_pictures_are_drawn_and_say_what_they_show(name):
    plate = zoo_gallery.FIGURES[name]()
    drawn = Image.open(BytesIO(plate.png())).convert("RGB")
    assert len(plate.alt_text) > 20 and len(drawn.getcolors(drawn.width * drawn.height)) > 50


def test_every_picture_becomes_a_file_of_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo_gallery, "FIGURES", {"first": zoo_gallery.filters, "second": zoo_gallery.filters})
    drawn = dict(zoo_gallery.save_figures(tmp_path / "new"))
    assert [file.name for file in drawn] == ["first.png", "second.png"]
    assert all(file.read_bytes()[1:4] == b"PNG" for file in drawn) and all(drawn.values())

"""The pictures of the zoo: each is drawn, written, and has words."""

import pytest

from cnnlab.judging import gallery


@pytest.mark.parametrize("name", ["filters", "grad_cam"])
def test_pictures_are_drawn_and_say_what_they_show(name):
    plate = gallery.PICTURES[name]()
    assert len(plate.words) > 20 and plate.png()[1:4] == b"PNG"


def test_every_picture_becomes_a_file_of_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "PICTURES", {"first": gallery.filters, "second": gallery.filters})
    drawn = dict(gallery.draw(tmp_path / "new"))
    assert [file.name for file in drawn] == ["first.png", "second.png"]
    assert all(file.read_bytes()[1:4] == b"PNG" for file in drawn) and all(drawn.values())

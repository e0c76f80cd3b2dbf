"""The reference is built without a network, and says what the docstrings say."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from cnnlab import features

sys.path.insert(0, str(Path(__file__).parent))
import reference


def test_a_room_has_its_pages(tmp_path):
    first = reference.build(tmp_path, ("cnnlab.features", "!cnnlab.features."))
    assert first.exists()
    page = (tmp_path / "cnnlab" / "features.html").read_text(encoding="utf-8")
    for name in features.__all__:
        assert f'id="{name}"' in page, name
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=.?https?:", page), (
        "it must be readable offline"
    )
    said = features.neighbours.__doc__.split(".")[0].split("?")[0].split()
    assert " ".join(said[:5]) in re.sub(r"<[^>]+>", "", page)


def test_what_is_loaded_late_has_its_place(tmp_path):
    reference.build(tmp_path, ("cnnlab.grading", "!cnnlab.grading."))
    page = (tmp_path / "cnnlab" / "grading.html").read_text(encoding="utf-8")
    assert 'id="claim"' in page and "must lie strictly above and below" in page

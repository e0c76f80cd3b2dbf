"""The page of cards: it is what the cards say, and the page beside the weights is that page."""

import re

from cnnlab.experiments.zoo_report.model_cards import model_cards
from cnnlab.networks import weight_files


def test_the_page_beside_the_weights_is_up_to_date():
    page = (weight_files.FOLDER / "README.md").read_text(encoding="utf-8")
    assert page == model_cards(), "run `cnnlab zoo cards > cnnlab/networks/weights/README.md`"


def test_every_network_has_a_row_with_its_accuracy():
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)$", model_cards(), re.M))
    assert set(rows) == set(weight_files.shipped())
    assert all(f"{weight_files.card(name)['accuracy']:.1%}" in row for name, row in rows.items())


def test_its_pictures_are_there():
    pictures = re.findall(r"\]\(([^)]+\.png)\)", model_cards())
    assert len(pictures) == 4
    assert all((weight_files.FOLDER / picture).resolve().is_file() for picture in pictures)

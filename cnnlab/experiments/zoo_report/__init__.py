"""Do the shipped networks show what the lectures show? One row a phenomenon, computed from the weights.

    rows                        a row of the report: what is asked, the bar, what was found
    classification_rows         accuracy, confidence, random labels
    feature_rows                first-layer filters, maps that point at the object, neighbours, detectors
    robustness_rows             adversarial pictures, prototypes, cue conflict, swapped backgrounds
    segmentation_rows           masks of objects, with and without skips
    report                      all rows in one go: printed, and as JSON
    list_networks               the networks for the terminal
    model_cards                 the cards of all networks as one page
    cnnlab.figures.zoo_gallery  filters, prototypes, maps and confusion matrices to look at

A network is judged by what it shows, not by accuracy alone; the notebooks rest on these rows. The techniques themselves are in their
rooms, how the networks come about in `cnnlab.networks.recipes`.
"""

from cnnlab.experiments.zoo_report.report import ROWS, report
from cnnlab.experiments.zoo_report.rows import ReportRow

__all__ = ["ROWS", "ReportRow", "report"]

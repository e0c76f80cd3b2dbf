"""Report on the shipped networks: one row for each phenomenon of the lectures, computed from the weights.

    rows                        a row of the report: phenomenon, criterion, measured values
    classification_rows         accuracy, confidence, random labels
    feature_rows                first-layer filters, pointing game of attribution maps, neighbours, detectors
    robustness_rows             adversarial examples, prototypes, cue conflict, swapped backgrounds
    segmentation_rows           segmentation of objects, with and without skip connections
    report                      all rows, printed and as JSON
    list_networks               the list of networks for the terminal
    model_cards                 the model cards of all networks as one page
    cnnlab.figures.zoo_gallery  figures of filters, prototypes, maps and confusion matrices

A network is judged by these phenomena, not by accuracy alone; the notebooks rely on these rows. The techniques are in other
packages, the training recipes in `cnnlab.networks.recipes`.
"""

from cnnlab.experiments.zoo_report.report import ROWS, report
from cnnlab.experiments.zoo_report.rows import ReportRow

__all__ = ["ROWS", "ReportRow", "report"]

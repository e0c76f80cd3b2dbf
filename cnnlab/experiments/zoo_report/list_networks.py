"""List of the networks for the terminal: size, task, accuracy and purpose."""

from __future__ import annotations

from rich.table import Table

from cnnlab.networks import available, imagenet_card, weight_files


def network_table() -> Table:
    """One row for each network that `cnnlab.load` knows; for missing weights it says how to get them."""
    table = Table("network", "task", "size", "accuracy", "what it is for", box=None, pad_edge=False)
    for name, info in available().items():
        size = accuracy = ""
        if info.source == "shipped" and info.ready:
            card = weight_files.card(name)
            size, accuracy = f"{card['bytes'] / 1e6:.1f} MB", f"{card['accuracy']:.1%}"
        elif info.source == "package" and info.ready:
            card = imagenet_card(name)
            size, accuracy = f"{card['bytes'] / 1e6:.1f} MB", f"{card['top1']:.1%} (published)"
        note = info.note if info.ready or info.source != "torchvision" else f"{info.note} (once online)"
        table.add_row(name, info.task, size, accuracy, note)
    return table

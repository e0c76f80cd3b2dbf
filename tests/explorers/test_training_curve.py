"""The curve of a running training: it grows with each epoch, and is a still picture when the notebook is stored."""

from cnnlab.explorers import TrainingCurve


def test_it_grows_and_speaks():
    curve = TrainingCurve("digits", epochs=3)
    assert curve._repr_mimebundle_()[0]["text/plain"] == "No epoch is done yet."
    curve({"loss": [2.0], "accuracy": [0.2], "validation": [0.3]})
    first = curve.chart.png
    curve({"loss": [2.0, 1.0], "accuracy": [0.2, 0.5], "validation": [0.3, 0.6]})
    assert curve.chart.png != first and "2 epochs" in curve.chart.alt
    bundle, _ = curve._repr_mimebundle_()
    assert {"image/png", "text/plain", "application/vnd.jupyter.widget-view+json"} <= set(bundle)

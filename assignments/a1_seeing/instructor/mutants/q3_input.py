"""The input of the layer is kept.

Hint: flows *into*
"""

import torch


def collect(model, images, layers):
    kept, handles = {}, []
    for name in layers:

        def hook(module, inputs, output, name=name):
            kept[name] = inputs[0].clone()

        handles.append(model.get_submodule(name).register_forward_hook(hook))
    with torch.no_grad():
        model(images)
    for handle in handles:
        handle.remove()
    return kept

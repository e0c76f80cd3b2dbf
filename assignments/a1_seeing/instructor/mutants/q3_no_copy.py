"""What is kept is overwritten by the ReLU behind it.

Hint: keep a copy
"""

import torch


def collect(model, images, layers):
    kept, handles = {}, []
    for name in layers:

        def hook(module, inputs, output, name=name):
            kept[name] = output

        handles.append(model.get_submodule(name).register_forward_hook(hook))
    with torch.no_grad():
        model(images)
    for handle in handles:
        handle.remove()
    return kept

"""The first picture alone is given back.

Hint: not the first alone
"""

import torch


def collect(model, images, layers):
    kept, handles = {}, []
    for name in layers:

        def hook(module, inputs, output, name=name):
            kept[name] = output.clone()

        handles.append(model.get_submodule(name).register_forward_hook(hook))
    with torch.no_grad():
        model(images)
    for handle in handles:
        handle.remove()
    return {name: value[0] for name, value in kept.items()}

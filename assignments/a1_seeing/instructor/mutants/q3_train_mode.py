"""The network is put into train mode.

Hint: eval mode
"""

import torch


def collect(model, images, layers):
    kept, handles = {}, []
    for name in layers:

        def hook(module, inputs, output, name=name):
            kept[name] = output.clone()

        handles.append(model.get_submodule(name).register_forward_hook(hook))
    model.train()
    with torch.no_grad():
        model(images)
    for handle in handles:
        handle.remove()
    return kept

"""A forward pass a layer, and a hook in a try block."""

import torch


def collect(model, images, layers):
    found = {}
    for name, module in model.named_modules():
        if name in layers:
            seen = []
            handle = module.register_forward_hook(
                lambda *args, seen=seen: seen.append(args[2].detach().clone())
            )
            try:
                with torch.inference_mode():
                    model(images)
            finally:
                handle.remove()
            found[name] = seen[0]
    return found

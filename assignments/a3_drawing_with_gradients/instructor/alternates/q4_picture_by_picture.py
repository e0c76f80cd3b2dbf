"""Picture by picture, stopping at the layer."""

import torch


class _Reached4(Exception):
    pass


def reach4(model, layer, image):
    def stop(module, inputs, output):
        raise _Reached4(output)

    handle = dict(model.named_modules())[layer].register_forward_hook(stop)
    try:
        model(image[None])
    except _Reached4 as reached:
        return reached.args[0][0]
    finally:
        handle.remove()


def inversion_loss(model, layer, images, original, tv, beta):
    goal = reach4(model, layer, original)
    losses = []
    for image in images:
        far = torch.sum((reach4(model, layer, image) - goal) ** 2) / torch.sum(goal**2)
        grown = torch.cat(
            [torch.cat([image, image[:, -1:]], 1), torch.cat([image, image[:, -1:]], 1)[:, :, -1:]], 2
        )
        sizes = torch.hypot(grown[:, :-1, 1:] - image, grown[:, 1:, :-1] - image)
        losses.append(far + tv * (sizes**beta).sum())
    return torch.stack(losses)

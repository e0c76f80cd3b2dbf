"""With a mask for each place, and a row a batch."""

import torch


def occlusion_map(model, image, target, size, stride):
    _, height, width = image.shape
    y, x = torch.arange(height)[:, None], torch.arange(width)[None, :]
    lefts = torch.arange(0, width - size + 1, stride)
    rows = []
    for top in range(0, height - size + 1, stride):
        inside = (y >= top) & (y < top + size)
        masks = torch.stack([inside & (x >= left) & (x < left + size) for left in lefts])
        batch = torch.where(masks[:, None], torch.tensor(0.5), image[None])
        with torch.inference_mode():
            logits = model(batch)
        rows.append((logits - logits.logsumexp(1, keepdim=True)).exp()[:, target])
    return torch.stack(rows)

"""With layers as modules, and padding that cuts."""

import torch
import torch.nn.functional as F


def unet(image, weights):
    def layer(name):
        k = weights[name]
        made = torch.nn.Conv2d(k.shape[1], k.shape[0], k.shape[2], padding=k.shape[2] // 2, bias=False)
        made.weight.data = k
        return made

    relu, pool, x = torch.nn.ReLU(), torch.nn.MaxPool2d(2), image.unsqueeze(0)
    with torch.no_grad():
        a = relu(layer("down1")(x))
        b = relu(layer("down2")(pool(a)))
        y = relu(layer("bottom")(pool(b)))
        for number, skip in ((2, b), (1, a)):
            y = F.conv_transpose2d(y, weights[f"up{number}"], stride=2)
            skip = F.pad(skip, (0, y.shape[3] - skip.shape[3], 0, y.shape[2] - skip.shape[2]))
            y = relu(layer(f"merge{number}")(torch.cat((y, skip), 1)))
        return layer("score")(y).squeeze(0)

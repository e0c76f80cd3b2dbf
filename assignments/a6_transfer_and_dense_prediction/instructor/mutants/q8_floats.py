"""Classes come back as floats.

Hint: whole numbers are expected
"""

import torch
import torch.nn.functional as F


def learn_to_segment(images, masks, test_images):
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 12, 5, padding=2),
        torch.nn.ReLU(),
        torch.nn.Conv2d(12, 12, 5, padding=2),
        torch.nn.ReLU(),
        torch.nn.Conv2d(12, 3, 1),
    )
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(40):
        loss = F.cross_entropy(network(images * 2 - 1), masks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return network(test_images * 2 - 1).argmax(1).float()

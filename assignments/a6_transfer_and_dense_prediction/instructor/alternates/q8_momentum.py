"""Another network, with batch normalisation, and gradient descent with momentum."""

import torch
import torch.nn.functional as F


def learn_to_segment(images, masks, test_images):
    torch.manual_seed(1)
    layers, width = [], 3
    for _ in range(3):
        layers += [torch.nn.Conv2d(width, 10, 5, padding=2), torch.nn.BatchNorm2d(10), torch.nn.ReLU()]
        width = 10
    network = torch.nn.Sequential(*layers, torch.nn.Conv2d(10, 3, 1))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3, momentum=0.9)
    for _ in range(40):
        optimizer.zero_grad()
        F.cross_entropy(network(images), masks).backward()
        optimizer.step()
    with torch.no_grad():
        return network(test_images).argmax(1).numpy()

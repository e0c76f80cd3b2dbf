"""The key of a6, transfer and dense prediction: probes, references written from the definitions, the mistakes that are told apart."""

import numpy as np
import torch
import torch.nn.functional as F

from cnnlab.grading.answer_key import (
    Case,
    Criterion,
    Limits,
    Measure,
    Mistake,
    NetworkSpec,
    Question,
    Tolerance,
    Written,
)

ASSIGNMENT = "a6_transfer_and_dense_prediction"
TITLE = "Transfer and dense prediction: new heads, rates, FC to conv, unpooling, U-Net, mean IoU"


def floats(draw, *shape, low=0.0, high=1.0):
    """A float32 tensor of this shape, even between the bounds."""
    return torch.from_numpy(draw.uniform(low, high, shape).astype(np.float32))


def labels_of(draw, count, classes):
    """Class indices of which every class has one at least."""
    return torch.from_numpy(draw.permutation(np.arange(count) % classes))


# Freeze, and a new head (q1).


def head_step(model, images, labels, weight, bias, rate, *, summed=False, twice=False, up=False):
    """The network's state after one step of its new head alone, from the gradient of the cross entropy in closed form."""
    model.fc = torch.nn.Identity()
    state = dict(model.state_dict())
    codes = model(images)
    shares = (codes @ weight.T + bias).softmax(1)
    truth = F.one_hot(labels, len(weight)).to(shares)
    if twice:  # softmax, and then a loss that applies it again
        above = shares.softmax(1) - truth
        gradient = shares * (above - (shares * above).sum(1, keepdim=True))
    else:
        gradient = shares - truth
    step = (-1 if up else 1) * rate / (1 if summed else len(images))
    return state | {"fc.weight": weight - step * gradient.T @ codes, "fc.bias": bias - step * gradient.sum(0)}


def with_a_head(model, weight, bias):
    """The network with another last layer."""
    model.fc = torch.nn.Linear(weight.shape[1], weight.shape[0]).to(weight)
    model.fc.load_state_dict({"weight": weight, "bias": bias})
    return model


def in_train_mode(model, images, labels, weight, bias, rate, thaw=False, train=True):
    """The same in train mode, so that the statistics of the pictures come in; with `thaw`, everything is trained."""
    with_a_head(model, weight, bias).train(train).requires_grad_(thaw)
    model.fc.requires_grad_(True)
    F.cross_entropy(model(images), labels).backward()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter -= rate * parameter.grad
    return {name: value.detach() for name, value in model.state_dict().items()}


def a_new_task(draw, name, count, classes):
    """Pictures of a few new classes, a network that knows others, and the weights that its new head begins with."""
    return {
        "model": NetworkSpec(name, int(draw.integers(10**6))),
        "images": floats(draw, count, 3, 16, 16),
        "labels": labels_of(draw, count, classes),
        "weight": floats(draw, classes, 72, low=-0.1, high=0.1),
        "bias": floats(draw, classes, low=-0.1, high=0.1),
        "rate": round(float(draw.uniform(0.05, 0.2)), 3),
    }


Q1 = Question(
    "q1",
    "Freeze, and a new head",
    "head_step",
    (
        Case("a plain network", lambda draw: a_new_task(draw, "plain", 6, 3), 4, public=True),
        Case("with batch normalisation", lambda draw: a_new_task(draw, "batched", 8, 4), 4, public=True),
        Case("two classes", lambda draw: a_new_task(draw, "batched", 5, 2), 4),
    ),
    head_step,
    (
        Mistake(
            "take the mean of the loss over the pictures", lambda **given: head_step(summed=True, **given)
        ),
        Mistake("that step climbs: go against the gradient", lambda **given: head_step(up=True, **given)),
        Mistake(
            "cross_entropy takes logits and does the softmax itself",
            lambda **given: head_step(twice=True, **given),
        ),
        Mistake(
            "frozen means all of it, statistics too: in train mode batch normalisation goes on counting",
            in_train_mode,
        ),
        Mistake(
            "layers in front of the head have changed: they are to stay as they were",
            lambda **given: in_train_mode(thaw=True, train=False, **given),
        ),
        Mistake(
            "layers in front of the head have changed: they are to stay as they were",
            lambda **given: in_train_mode(thaw=True, **given),
        ),
    ),
    default_hint="compare the state before and after: which entries may change, and which two must?",
    tolerance=Tolerance(relative=1e-4, absolute=1e-5),
    forbidden_names=("transfer.new_head", "transfer.fine_tune", "transfer.freeze"),
)


# Every layer at its own rate (q2).


def fine_tune(
    model,
    images,
    labels,
    rates,
    momentum,
    steps,
    *,
    single_rate=None,
    pile=False,
    damp=False,
    unnamed=0.0,
    follow=True,
):
    """The parameters after some steps of gradient descent with momentum, each layer at its rate; written out."""
    model.requires_grad_(True)
    values = dict(model.named_parameters())
    speed = {name: torch.zeros_like(value) for name, value in values.items()}
    velocity = {name: torch.zeros_like(value) for name, value in values.items()}
    for _ in range(steps):
        gradients = torch.autograd.grad(F.cross_entropy(model(images), labels), list(values.values()))
        with torch.no_grad():
            for (name, value), gradient in zip(values.items(), gradients, strict=True):
                velocity[name] = velocity[name] + gradient if pile else gradient
                share = momentum if follow else 0.0
                speed[name] = share * speed[name] + (1 - share if damp else 1) * velocity[name]
                rate = (
                    rates.get(name.rpartition(".")[0], unnamed) if single_rate is None else single_rate(rates)
                )
                value -= rate * speed[name]
    return {name: value.detach() for name, value in values.items()}


def in_their_order(rates, names, **given):
    """Rates handed out in the order of the network's layers, whatever they are called."""
    return fine_tune(rates=dict(zip(names, rates.values(), strict=False)), **given)


def a_training(draw, name, rates, momentum, steps):
    """A network, pictures and rates."""
    return {
        "model": NetworkSpec(name, int(draw.integers(10**6))),
        "images": floats(draw, 5, 3, 14, 14),
        "labels": labels_of(draw, 5, 5),
        "rates": {layer: round(rate * float(draw.uniform(0.8, 1.2)), 5) for layer, rate in rates.items()},
        "momentum": momentum,
        "steps": steps,
    }


Q2 = Question(
    "q2",
    "Every layer at its own rate",
    "fine_tune",
    (
        Case(
            "one step",
            lambda draw: a_training(draw, "plain", {"fc": 0.05, "conv2": 0.01}, 0.0, 1),
            3,
            public=True,
        ),
        Case(
            "with momentum",
            lambda draw: a_training(draw, "plain", {"fc": 0.03, "conv2": 0.006, "conv1": 0.001}, 0.8, 3),
            5,
            public=True,
        ),
        Case(
            "normalised, the first layer frozen",
            lambda draw: a_training(draw, "batched", {"fc": 0.03, "norm1": 0.01, "conv2": 0.004}, 0.6, 2),
            4,
        ),
    ),
    fine_tune,
    (
        Mistake(
            "each layer has its own rate; one rate goes to all here",
            lambda **given: fine_tune(single_rate=lambda rates: max(rates.values()), **given),
        ),
        Mistake(
            "each layer has its own rate; one rate goes to all here",
            lambda **given: fine_tune(single_rate=lambda rates: min(rates.values()), **given),
        ),
        Mistake(
            "backward *adds* to what is in .grad: set it to zero before each step",
            lambda **given: fine_tune(pile=True, **given),
        ),
        Mistake("the momentum is missing", lambda **given: fine_tune(follow=False, **given)),
        Mistake(
            "the momentum is v = m v + g, as torch has it; not m v + (1 - m) g",
            lambda **given: fine_tune(damp=True, **given),
        ),
        Mistake(
            "layers that `rates` does not name stay as they are",
            lambda rates, **given: fine_tune(rates=rates, unnamed=min(rates.values()), **given),
        ),
        Mistake(
            "layers that `rates` does not name stay as they are",
            lambda rates, **given: fine_tune(rates=rates, unnamed=0.01, **given),
        ),
        Mistake(
            "rates belong to names, whatever the order of the dictionary",
            lambda rates, model, **given: in_their_order(
                rates,
                [name for name, part in model.named_children() if list(part.parameters())],
                model=model,
                **given,
            ),
        ),
    ),
    default_hint="do one step without momentum first: each parameter of a layer moves by its rate times its gradient",
    tolerance=Tolerance(relative=1e-3, absolute=1e-5),
    forbidden_names=("transfer.fine_tune", "fine_tuning.parameter_groups"),
)


# A fully connected layer that slides (q3).


def sliding_head(weight, bias, size, maps, *, order=(0, 1, 2), biased=True, turned=False, mirrored=False):
    """The fully connected layer at each place of larger maps: cut the window out, flatten it, multiply."""
    high, wide = (size[1], size[0]) if turned else size
    rows, columns = maps.shape[2] - high + 1, maps.shape[3] - wide + 1
    out = maps.new_zeros(len(maps), len(weight), rows, columns)
    for row in range(rows):
        for column in range(columns):
            window = maps[:, :, row : row + high, column : column + wide]
            window = window.flip(2, 3) if mirrored else window
            window = window.permute(0, *(1 + axis for axis in order)).flatten(1)
            out[:, :, row, column] = window @ weight.T + (bias if biased else 0)
    return out


def some_maps(draw, channels, size, positions, count=2, classes=4):
    """A fully connected layer for windows of `size`, and maps in which it has `positions` places."""
    high, wide = (window_size + more - 1 for window_size, more in zip(size, positions, strict=True))
    reach = (channels * size[0] * size[1]) ** -0.5
    return {
        "weight": floats(draw, classes, channels * size[0] * size[1], low=-2 * reach, high=2 * reach),
        "bias": floats(draw, classes, low=-1),
        "size": size,
        "maps": floats(draw, count, channels, high, wide, low=-1),
    }


Q3 = Question(
    "q3",
    "A fully connected layer that slides",
    "sliding_head",
    (
        Case("square windows", lambda draw: some_maps(draw, 3, (3, 3), (4, 6)), 4, public=True),
        Case("windows higher than wide", lambda draw: some_maps(draw, 4, (5, 2), (3, 5)), 4, public=True),
        Case("a single place", lambda draw: some_maps(draw, 5, (3, 4), (1, 1), count=3), 4),
    ),
    sliding_head,
    (
        Mistake(
            "the bias is missing: every place gets it", lambda **given: sliding_head(biased=False, **given)
        ),
        Mistake(
            "flattening runs over channels, then rows, then columns: the weights have that order too",
            lambda **given: sliding_head(order=(1, 2, 0), **given),
        ),
        Mistake(
            "`size` is (height, width); rows and columns of the window are swapped",
            lambda **given: sliding_head(turned=True, **given),
        ),
        Mistake(
            "rows and columns of the kernel are swapped",
            lambda **given: sliding_head(order=(0, 2, 1), **given),
        ),
        Mistake(
            "the kernel is mirrored; torch's conv2d does not mirror either",
            lambda **given: sliding_head(mirrored=True, **given),
        ),
    ),
    default_hint="cut one window out, flatten it, multiply with the weights, and look that number up in your map",
    forbidden_names=("networks.to_convolutional", "fully_convolutional.sliding_probabilities"),
)


# Unpooling (q4).


def unpool(
    maps, values, size, stride, *, last=False, corner=False, spread=False, size_not_value=False, shared=False
):
    """Every value at the place where the maximum of its window stood, window by window; what meets adds up."""
    out = torch.zeros_like(maps)
    for channel, row, column in np.ndindex(*values.shape):
        channel_map = maps[0 if shared else channel]
        top, left = row * stride, column * stride
        window = channel_map[top : top + size, left : left + size]
        index = int((window.abs() if size_not_value else window).flatten().argmax())
        y, x = (0, 0) if corner else divmod(index, window.shape[1])
        if spread:
            out[channel, top : top + size, left : left + size] += values[channel, row, column]
        else:
            before = 0 if last else out[channel, top + y, left + x]
            out[channel, top + y, left + x] = before + values[channel, row, column]
    return out


def transposed_indices(maps, values, size, stride):
    """Places that were counted row by row, taken apart with the height."""
    out, (_, high, wide) = torch.zeros_like(maps), maps.shape
    _, indices = F.max_pool2d(maps[None], size, stride, return_indices=True)
    for channel, row, column in np.ndindex(*values.shape):
        index = int(indices[0, channel, row, column])
        out[channel, index // high % high, index % high % wide] += values[channel, row, column]
    return out


def pooled(draw, channels, high, wide, size, stride, low=0.0):
    """Maps of an encoder, and as many values as pooling leaves of them."""
    rows, columns = ((side - size) // stride + 1 for side in (high, wide))
    return {
        "maps": floats(draw, channels, high, wide, low=low),
        "values": floats(draw, channels, rows, columns, low=-1) * 10,
        "size": size,
        "stride": stride,
    }


Q4 = Question(
    "q4",
    "Unpooling with remembered places",
    "unpool",
    (
        Case("windows side by side", lambda draw: pooled(draw, 3, 8, 8, 2, 2), 4, public=True),
        Case("windows that overlap", lambda draw: pooled(draw, 2, 7, 7, 3, 2), 4, public=True),
        Case("wider than high, negative", lambda draw: pooled(draw, 2, 5, 9, 2, 1, low=-3), 4),
    ),
    unpool,
    (
        Mistake(
            "two windows may share a maximum: what they bring to it adds up",
            lambda **given: unpool(last=True, **given),
        ),
        Mistake(
            "a value goes to one place, that of the maximum; all others of its window are zero",
            lambda **given: unpool(spread=True, **given),
        ),
        Mistake(
            "a value goes back to where the maximum stood, not to the corner of its window",
            lambda **given: unpool(corner=True, **given),
        ),
        Mistake(
            "the maximum is the largest value, not the largest size: maps may be negative",
            lambda **given: unpool(size_not_value=True, **given),
        ),
        Mistake("every map has places of its own", lambda **given: unpool(shared=True, **given)),
        Mistake("a place is row * width + column: divide by the width", transposed_indices),
    ),
    default_hint="do the 3 x 3 example above by hand, then print what you get for it",
    forbidden_names=("segmentation.max_unpool", "functional.max_unpool2d", "nn.MaxUnpool2d"),
)


# Find the bug: a transposed convolution (q5).


def transposed_convolution(
    maps,
    kernel,
    stride,
    padding,
    *,
    averaged=False,
    last=False,
    wider=False,
    mirrored=False,
    cut=True,
    swapped=False,
):
    """Stamp by stamp: every number of the input leaves the kernel times itself on the output; stamps add up."""
    stamps = kernel.transpose(0, 1) if swapped else kernel
    stamps = stamps.flip(2, 3) if mirrored else stamps
    (_, high, wide), (_, outputs, side, _) = maps.shape, stamps.shape
    out = maps.new_zeros(outputs, (high - 1) * stride + side, (wide - 1) * stride + side)
    count = torch.zeros_like(out)
    for row in range(high):
        for column in range(wide):
            stamp = (maps[:, row, column, None, None, None] * stamps).sum(0)
            window = np.s_[:, row * stride : row * stride + side, column * stride : column * stride + side]
            out[window] = stamp if last else out[window] + stamp
            count[window] += 1
    out = out / count.clamp_min(1) if averaged else out
    if wider:
        return F.pad(out, [padding] * 4)
    return out[:, padding : out.shape[1] - padding, padding : out.shape[2] - padding] if cut else out


def stamps_of(draw, inputs, outputs, side, high, wide, stride, padding):
    """Maps, a kernel, and how it is stamped."""
    return {
        "maps": floats(draw, inputs, high, wide, low=-2, high=2),
        "kernel": floats(draw, inputs, outputs, side, side, low=-1),
        "stride": stride,
        "padding": padding,
    }


Q5 = Question(
    "q5",
    "Find the bugs: a transposed convolution",
    "transposed_convolution",
    (
        Case("stamps that overlap", lambda draw: stamps_of(draw, 1, 1, 3, 4, 4, 1, 0), 4, public=True),
        Case("several maps", lambda draw: stamps_of(draw, 3, 3, 4, 3, 5, 2, 0), 4, public=True),
        Case("with padding", lambda draw: stamps_of(draw, 2, 4, 3, 4, 3, 2, 1), 4),
    ),
    transposed_convolution,
    (
        Mistake(
            "where stamps overlap they add up; dividing by their number makes another operation of it",
            lambda **given: transposed_convolution(averaged=True, **given),
        ),
        Mistake(
            "where stamps overlap they add up; here the last one wins",
            lambda **given: transposed_convolution(last=True, **given),
        ),
        Mistake(
            "padding belongs to the convolution that this is the transpose of: here it *cuts off* a border",
            lambda **given: transposed_convolution(wider=True, **given),
        ),
        Mistake(
            "padding belongs to the convolution that this is the transpose of: here it *cuts off* a border",
            lambda **given: transposed_convolution(wider=True, averaged=True, **given),
        ),
        Mistake("the padding is not cut off", lambda **given: transposed_convolution(cut=False, **given)),
        Mistake(
            "the stamp is the kernel as it is, not mirrored",
            lambda **given: transposed_convolution(mirrored=True, **given),
        ),
        Mistake(
            "the kernel is C x D x k x k: its first axis belongs to the maps that come in",
            lambda **given: transposed_convolution(swapped=True, **given),
        ),
    ),
    default_hint="take a single number as the map: the output is the kernel times that number",
    forbidden_names=(
        "segmentation.transposed_convolution",
        "functional.conv_transpose2d",
        "nn.ConvTranspose2d",
    ),
)


# A U-Net, forward (q6).


def unet(
    image,
    weights,
    *,
    order=(0, 1),
    pooled_skip=False,
    early=False,
    bare=False,
    without=(),
    cut=lambda more: 0,
):
    """Down twice, up twice, with what was there before each pooling beside what comes up."""

    def block(maps, name):
        return F.conv2d(maps, weights[name], padding=1).relu()

    def concatenate(maps, skipped, number):
        high, wide = maps.shape[2:]
        top, left = (cut(skipped.shape[axis] - maps.shape[axis]) for axis in (2, 3))
        skipped = skipped[:, :, top : top + high, left : left + wide]
        pair = (maps, torch.zeros_like(skipped) if number in without else skipped)
        return torch.cat([pair[position] for position in order], 1)

    def merge(maps, name):
        return F.conv2d(maps, weights[name], padding=1) if bare else block(maps, name)

    fine = block(image[None], "down1")
    middle = block(F.max_pool2d(fine, 2), "down2")
    low = block(F.max_pool2d(middle, 2), "bottom")
    skips = [fine, middle]
    if pooled_skip:
        skips = [F.max_pool2d(skip, 2).repeat_interleave(2, 2).repeat_interleave(2, 3) for skip in skips]
    if early:
        skips = [
            F.conv2d(image[None], weights["down1"], padding=1),
            F.conv2d(F.max_pool2d(fine, 2), weights["down2"], padding=1),
        ]
    maps = F.conv_transpose2d(low, weights["up2"], stride=2)
    maps = merge(concatenate(maps, skips[1], 2), "merge2")
    maps = F.conv_transpose2d(maps, weights["up1"], stride=2)
    maps = merge(concatenate(maps, skips[0], 1), "merge1")
    return F.conv2d(maps, weights["score"])[0]


SHAPES = {
    "down1": (4, 3, 3, 3),
    "down2": (6, 4, 3, 3),
    "bottom": (8, 6, 3, 3),
    "up2": (8, 6, 2, 2),
    "merge2": (6, 12, 3, 3),
    "up1": (6, 4, 2, 2),
    "merge1": (4, 8, 3, 3),
    "score": (3, 4, 1, 1),
}


def a_unet(draw, high, wide):
    """A picture, and weights of a size that keeps the signal alive."""
    weights = {}
    for name, shape in SHAPES.items():
        reads = shape[0] if name.startswith("up") else int(np.prod(shape[1:]))
        weights[name] = torch.from_numpy((draw.normal(size=shape) * (2 / reads) ** 0.5).astype(np.float32))
    return {"image": floats(draw, 3, high, wide), "weights": weights}


Q6 = Question(
    "q6",
    "A U-Net, forward",
    "unet",
    (
        Case("a square picture", lambda draw: a_unet(draw, 16, 16), 5, public=True),
        Case("wider than high", lambda draw: a_unet(draw, 12, 20), 4, public=True),
        Case("odd sides", lambda draw: a_unet(draw, 15, 18), 5),
    ),
    unet,
    (
        Mistake(
            "the maps that come up stand first, the skipped ones behind them",
            lambda **given: unet(order=(1, 0), **given),
        ),
        Mistake(
            "the skip leaves *before* the pooling: behind it the places are lost already",
            lambda **given: unet(pooled_skip=True, **given),
        ),
        Mistake("the skip leaves behind the ReLU", lambda **given: unet(early=True, **given)),
        Mistake("there is a ReLU behind each merging convolution", lambda **given: unet(bare=True, **given)),
        Mistake("the skips carry nothing: where do they go?", lambda **given: unet(without=(1, 2), **given)),
        Mistake("the upper skip carries nothing", lambda **given: unet(without=(1,), **given)),
        Mistake("the lower skip carries nothing", lambda **given: unet(without=(2,), **given)),
        Mistake(
            "cut what is too large at the bottom and at the right; the first row and column stay",
            lambda **given: unet(cut=lambda more: more, **given),
        ),
        Mistake(
            "cut what is too large at the bottom and at the right; the first row and column stay",
            lambda **given: unet(cut=lambda more: more // 2, **given),
        ),
    ),
    default_hint="print the shape behind every step and compare with the table above",
    tolerance=Tolerance(relative=1e-3, absolute=1e-4),
    forbidden_names=("networks.UNet", "segmentation_models.UNet"),
)


# Mean intersection over union (q7).


def mean_iou(predictions, masks, classes, *, absent=float("nan"), ignore=True, dice=False, of="both"):
    """Pixel by pixel: for each class, in how many pixels answer and truth agree, over those where one of them says it."""
    both, either, true, predicted = (np.zeros(classes) for _ in range(4))
    for answer, mask in zip(predictions.flatten().tolist(), masks.flatten().tolist(), strict=True):
        if mask < 0 and ignore:
            continue
        for index in {answer, mask} - {-1}:
            either[index] += 1
            both[index] += answer == mask
        predicted[answer] += 1
        true[mask] += mask >= 0
    under = {"both": either, "truth": true, "answer": predicted}[of]
    with np.errstate(all="ignore"):
        shares = 2 * both / (true + predicted) if dice else both / under
    shares = np.where(under == 0, absent, shares)
    return {"per_class": torch.from_numpy(shares).float(), "mean": float(np.nanmean(shares))}


def by_picture(predictions, masks, classes):
    """Every picture for itself, and the mean of that."""
    each = [mean_iou(*pair, classes) for pair in zip(predictions, masks, strict=True)]
    shares = torch.stack([scores["per_class"] for scores in each]).nanmean(0)
    return {"per_class": shares, "mean": float(np.mean([scores["mean"] for scores in each]))}


def right_pixels(predictions, masks, classes):
    """The share of the right pixels as the mean."""
    counted = masks >= 0
    share = float((predictions == masks)[counted].float().mean())
    return mean_iou(predictions, masks, classes) | {"mean": share}


def some_masks(draw, count, side, classes, *, ignored=0.0, leave_out=None):
    """Masks of unequal classes, and answers that are right in most pixels."""
    chances = draw.uniform(0.2, 1, classes) ** 2
    chances[[] if leave_out is None else [leave_out]] = 0
    sizes = (count, side, side + 2)
    masks = draw.choice(classes, sizes, p=chances / chances.sum())
    guesses = draw.choice(classes, sizes, p=chances / chances.sum())
    predictions = np.where(draw.uniform(size=sizes) < draw.uniform(0.5, 0.9, (count, 1, 1)), masks, guesses)
    masks = np.where(draw.uniform(size=sizes) < ignored, -1, masks)
    return {
        "predictions": torch.from_numpy(predictions),
        "masks": torch.from_numpy(masks),
        "classes": classes,
    }


Q7 = Question(
    "q7",
    "Mean intersection over union",
    "mean_iou",
    (
        Case("three classes", lambda draw: some_masks(draw, 3, 8, 3), 4, public=True),
        Case("pixels that do not count", lambda draw: some_masks(draw, 2, 9, 3, ignored=0.2), 4, public=True),
        Case(
            "a class that is not there",
            lambda draw: some_masks(draw, 2, 8, 5, leave_out=int(draw.integers(1, 5))),
            4,
        ),
    ),
    mean_iou,
    (
        Mistake(
            "count the pixels of all pictures together, then divide; a mean over pictures is another number",
            by_picture,
        ),
        Mistake(
            "pixels whose mask is -1 count nowhere, not in the union either",
            lambda **given: mean_iou(ignore=False, **given),
        ),
        Mistake(
            "a class that is neither there nor answered is nan, and left out of the mean",
            lambda **given: mean_iou(absent=0.0, **given),
        ),
        Mistake(
            "a class that is neither there nor answered is nan, and left out of the mean",
            lambda **given: mean_iou(absent=1.0, **given),
        ),
        Mistake(
            "this is Dice, 2 |A and B| / (|A| + |B|); the union is asked for",
            lambda **given: mean_iou(dice=True, **given),
        ),
        Mistake(
            "this is the share of the true pixels that were found; false alarms belong into the union",
            lambda **given: mean_iou(of="truth", **given),
        ),
        Mistake(
            "this is the share of the answered pixels that are true; missed pixels belong into the union",
            lambda **given: mean_iou(of="answer", **given),
        ),
        Mistake("the mean is that over the classes, not the share of right pixels", right_pixels),
    ),
    default_hint="take two masks of 2 x 2 pixels, and count intersection and union of each class by hand",
    forbidden_names=("segmentation.mean_iou", "evaluation.intersection_over_union"),
)


# A small training (q8).


def learn_to_segment(images, masks, test_images):
    """A small fully convolutional network, trained on all pictures at once, and its answers."""
    with torch.random.fork_rng(devices=[]):
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
        return network(test_images * 2 - 1).argmax(1)


def striped(draw, count, side, turn, ends):
    """Pictures of patches with stripes in one direction or across it, on blotches; all in the same colours."""
    y, x = np.mgrid[:side, :side].astype(float)
    masks, greys = np.zeros((count, side, side), int), np.zeros((count, side, side))
    for number in range(count):
        noise = draw.uniform(-1, 1, (side + 4, side + 4))
        blurred = sum(noise[i : i + side, j : j + side] for i in range(5) for j in range(5)) / 3
        greys[number] = np.clip(blurred, -1, 1)
        for kind in draw.permutation([1, 2]):
            top, left = draw.uniform(0.2, 0.8, 2) * side
            high, wide = draw.uniform(0.25, 0.42, 2) * side
            inside = ((y - top) / high) ** 2 + ((x - left) / wide) ** 2 < 1
            angle = turn + (kind - 1) * np.pi / 2 + draw.uniform(-0.2, 0.2)
            wave = np.sin(
                (x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / draw.uniform(3.5, 4.5)
                + draw.uniform(0, 6)
            )
            masks[number][inside], greys[number][inside] = kind, wave[inside]
    share = (greys[:, None] + 1) / 2
    images = share * ends[0][:, None, None] + (1 - share) * ends[1][:, None, None]
    images = np.round(np.clip(images + draw.normal(0, 0.04, images.shape), 0, 1) * 255) / 255
    return torch.from_numpy(images.astype(np.float32)), torch.from_numpy(masks)


def a_world_of_stripes(draw, count=10, tried=6, side=24):
    """Pictures to learn from, pictures to be tried on, and the masks of those, which stay with the grader."""
    turn, ends = draw.uniform(0, np.pi), (draw.uniform(0.6, 1, 3), draw.uniform(0, 0.4, 3))
    images, masks = striped(draw, count, side, turn, ends)
    test_images, test_labels = striped(draw, tried, side, turn, ends)
    return {"images": images, "masks": masks, "test_images": test_images, "test_labels": test_labels}


MIN_IOU = (
    Measure(
        "mean IoU",
        0.35,
        "that is little more than one class everywhere, or colour, gives: does the loss fall while you train,"
        " and do the answers come from the trained network?",
    ),
    Measure(
        "mean IoU",
        0.65,
        "colour tells nothing here: a pixel needs to see several stripes (two convolutions of 5 x 5 do), and the loss to come down",
    ),
)
Q8 = Question(
    "q8",
    "Train a small one yourself",
    "learn_to_segment",
    (
        Case("stripes", a_world_of_stripes, 6, public=True, withheld=("test_labels",), measures=MIN_IOU),
        Case("other stripes", a_world_of_stripes, 8, withheld=("test_labels",), measures=MIN_IOU),
    ),
    learn_to_segment,
    default_hint="look at the loss: it must fall",
    limits=Limits(seconds=60, cpu=60),
)

QUESTIONS = (Q1, Q2, Q3, Q4, Q5, Q6, Q7, Q8)

# The question that is answered in words (w1).

WRITTEN = (
    Written(
        "w1",
        "Your own mistakes",
        (
            Criterion("says where the wrong pixels lie, with the numbers", 2),
            Criterion(
                "follows such a pixel through pooling and skip, and says what is lost and what is carried past",
                3,
            ),
            Criterion("explains why the share of right pixels and the mean IoU differ on this picture", 2),
            Criterion("names a change that fits the mistakes, and a way to find out whether it helped", 3),
        ),
        beside=("w1-look",),
        comments=(
            "where in the picture is that?",
            "how would you find out whether it helped?",
        ),
    ),
)

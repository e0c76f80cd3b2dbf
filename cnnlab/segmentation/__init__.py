"""What stands at each pixel? Networks whose answer is a picture, the steps inside them, and how they are judged.

    vision_tasks            the four vision tasks on one picture: classes, boxes, semantic and instance masks
    unpooling               max pooling that remembers its places, and the way back
    transposed_convolution  transposed convolution stamp by stamp; bilinear enlargement as one of them
    encoder_decoder         a network whose way up remembers where the maxima of its way down stood, or does not
    predict                 the class that a network gives each pixel
    mean_iou                mean intersection over union
    boundary_metrics        the same near the true edges, where skips help

The networks, `UNet` and `FCN`, live in `cnnlab.networks.segmentation_models` and are trained by the plans unet, unet_without_skips and
fcn. A fully connected layer turned into a convolution is `cnnlab.networks.to_convolutional`. Behind it all: `_shapes` (axes).
"""

from cnnlab.networks.segmentation_models import FCN, UNet
from cnnlab.segmentation.boundary_metrics import SegmentationScore, boundary_band, segmentation_score
from cnnlab.segmentation.encoder_decoder import UPSAMPLING, EncoderDecoder
from cnnlab.segmentation.mean_iou import MeanIoU, mean_iou
from cnnlab.segmentation.predict import segment
from cnnlab.segmentation.transposed_convolution import (
    bilinear_kernel,
    bilinear_upsample,
    transposed_convolution,
    transposed_convolution_steps,
)
from cnnlab.segmentation.unpooling import max_pool, max_unpool, max_unpool_steps
from cnnlab.segmentation.vision_tasks import VisionTasks, vision_tasks

__all__ = [
    "FCN",
    "UPSAMPLING",
    "EncoderDecoder",
    "MeanIoU",
    "SegmentationScore",
    "UNet",
    "VisionTasks",
    "bilinear_kernel",
    "bilinear_upsample",
    "boundary_band",
    "max_pool",
    "max_unpool",
    "max_unpool_steps",
    "mean_iou",
    "segment",
    "segmentation_score",
    "transposed_convolution",
    "transposed_convolution_steps",
    "vision_tasks",
]

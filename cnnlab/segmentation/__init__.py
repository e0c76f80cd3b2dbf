"""Semantic segmentation: networks with a prediction at each pixel, the operations inside them, and their evaluation.

    vision_tasks            the four vision tasks on one picture: classes, boxes, semantic and instance masks
    unpooling               max pooling with remembered positions, and max unpooling
    transposed_convolution  transposed convolution step by step; bilinear upsampling as one of them
    encoder_decoder         an encoder-decoder whose decoder knows the positions of the encoder's maxima, or does not
    predict                 the class that a network predicts at each pixel
    mean_iou                mean intersection over union
    boundary_metrics        the same near the true edges, where skip connections help

The networks, `UNet` and `FCN`, are in `cnnlab.networks.segmentation_models` and are trained by the recipes unet, unet_without_skips
and fcn. For fully connected layers as convolutions see `cnnlab.networks.to_convolutional`. Behind them: `_shapes` (axes).
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

"""A photo of any make comes out as an upright, opaque, square picture in [0, 1], or is refused by name."""

from __future__ import annotations

import random
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms, ImageOps

from cnnlab.world.photo import photo

ROOM = "cnnlab.world.photo"  # the module's name; its attribute in the package is the function

RAMPS = np.stack([*np.meshgrid(np.linspace(0, 1, 32), np.linspace(1, 0, 32)), np.eye(32)], -1)
"""32 x 32 x 3 shares of white, another in each colour."""
KIND = {2: "minisblack", 3: "rgb"}
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def content(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def quarters(side: int = 64) -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    image = Image.new("RGB", (side, side))
    for number, colour in enumerate((RED, GREEN, BLUE, WHITE)):
        image.paste(colour, (number % 2 * side // 2, number // 2 * side // 2, side, side))
    return image


def corners(image: torch.Tensor) -> list[tuple[int, ...]]:
    """Colours in the middle of the four quarters, as bytes."""
    far, near = image.shape[-1] // 4, image.shape[-1] * 3 // 4
    return [tuple((image[:, r, c] * 255).round().int().tolist()) for r in (far, near) for c in (far, near)]


def test_a_photo_is_a_square_of_floats_in_the_unit_range():
    image = photo(content(quarters()), size=32)
    assert image.shape == (3, 32, 32) and image.dtype == torch.float32 and image.is_contiguous()
    assert image.min() >= 0 and image.max() <= 1
    assert corners(image) == [RED, GREEN, BLUE, WHITE]


def test_a_picture_of_the_right_size_keeps_every_pixel(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    expected = torch.from_numpy(pixels).permute(2, 0, 1) / 255
    for source in (
        tmp_path / "noise.png",
        str(tmp_path / "noise.png"),
        (tmp_path / "noise.png").read_bytes(),
    ):
        assert torch.equal(photo(source), expected)


def test_uploads_may_come_as_any_kind_of_bytes():
    data = content(quarters())
    assert torch.equal(photo(memoryview(data)), photo(data)) and torch.equal(
        photo(bytearray(data)), photo(data)
    )


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_exif_turns_the_picture_upright(orientation, kind):
    """As the camera stores it: turning by the note gives the scene back, whatever the note says."""
    scene = quarters().crop((0, 0, 64, 48))
    undo = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
    stored = scene.copy()
    stored.getexif()[0x0112] = undo[orientation]
    stored = ImageOps.exif_transpose(stored)
    note = Image.Exif()
    note[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    turned = photo(content(stored, kind, exif=note, **options), size=32)
    straight = photo(content(scene), size=32)
    assert (turned - straight).abs().mean() < (0.02 if kind == "JPEG" else 0.002)


def test_transparent_pixels_become_white_and_hide_their_colour():
    image = quarters().convert("RGBA")
    image.paste((255, 0, 0, 0), (0, 0, 32, 32))
    assert corners(photo(content(image), size=64)) == [WHITE, GREEN, BLUE, WHITE]
    half = Image.new("RGBA", (8, 8), (0, 0, 0, 128))
    assert torch.allclose(photo(content(half), size=8), torch.tensor(127 / 255), atol=0.003)
    edge = photo(content(image), size=40)  # invisible red must not bleed over the edge when scaled
    assert edge[1:, :18, :18].min() > 0.99


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "PA", "CMYK", "YCbCr"])
def test_every_colour_mode_becomes_rgb(mode):
    kind = {"CMYK": "JPEG", "YCbCr": "JPEG", "PA": "TIFF"}.get(mode, "PNG")
    grey = Image.new("RGB", (16, 16), WHITE).convert("LA" if mode == "PA" else mode)
    image = photo(content(grey.convert(mode), kind), size=16)
    assert image.shape == (3, 16, 16) and image.min() > 0.98


def test_a_palette_with_a_transparent_colour():
    image = Image.new("P", (16, 16), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(0, (0, 0, 8, 16))
    assert corners(photo(content(image, transparency=0), size=16)) == [WHITE, BLUE, WHITE, BLUE]


def test_sixteen_bits_are_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    expected = torch.from_numpy(ramp / 65535).float()
    image = photo(content(Image.fromarray(ramp)), size=64)
    assert torch.allclose(image, expected.expand(3, -1, -1), atol=1 / 255)


@pytest.mark.parametrize(
    ("highest", "white", "dtype"),
    [
        (1.0, 1.0, np.float32),
        (0.3, 1.0, np.float32),
        (1.02, 1.0, np.float32),  # a filter overshoots
        (4.0, 1.0, np.float32),  # brighter than white
        (255.0, 255.0, np.float32),
        (258.5, 255.0, np.float32),
        (4095.0, 4095.0, np.float32),
        (65535.0, 65535.0, np.float32),
        (65535, 65535, np.uint16),
        (40_000, 65535, np.uint16),
        (4095, 4095, np.uint16),  # 12 bits in 16
        (3000, 4095, np.uint16),
        (1023, 1023, np.uint16),
        (255, 255, np.int32),
        (4000, 4095, np.int32),
        (65535, 65535, np.int32),
        (2**31 - 1, 2**31 - 1, np.int32),
    ],
)
def test_greys_of_many_bits_have_the_white_of_their_kind(highest, white, dtype):
    ramp = np.linspace(0, highest, 32 * 32).reshape(32, 32).astype(dtype)
    image = photo(content(Image.fromarray(ramp), "TIFF"), size=32)
    expected = torch.from_numpy((ramp.astype(np.float64) / white).clip(0, 1)).float()
    assert torch.allclose(image, expected.expand(3, -1, -1), atol=1 / 255)


@pytest.mark.parametrize(
    ("levels", "white"),
    [
        (RAMPS * 4095, 4095),  # 12 bits in 16, as cameras and microscopes write
        (RAMPS * 65535, 65535),
        (RAMPS[:, :, 0] * (2**32 - 1), 2**32 - 1),
        (RAMPS.astype(np.float32), 1),
        (RAMPS[:, :, 0], 1),
        (RAMPS * np.float32(255), 255),
    ],
    ids=["12 bits in 16", "16 bits", "32 unsigned", "floats", "doubles", "floats to 255"],
)
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"bigtiff": True}], ids=str)
def test_colours_and_greys_of_many_bits_have_the_white_of_their_kind(levels, white, options):
    """`tifffile` writes what Pillow cannot."""
    if white > 1 and levels.dtype != np.float32:
        levels = levels.astype(np.uint32 if white > 65535 else np.uint16)
    tifffile.imwrite(file := BytesIO(), levels, photometric=KIND[levels.ndim], **options)
    expected = torch.from_numpy(np.float64(levels) / white).float()
    expected = expected.permute(2, 0, 1) if levels.ndim == 3 else expected.expand(3, -1, -1)
    assert torch.allclose(photo(file.getvalue(), size=32), expected, atol=1 / 255)


def test_a_tiff_of_twelve_packed_bits_has_its_own_white():
    levels = np.linspace(0, 3000, 64).astype(int)
    packed = int("".join(f"{level:012b}" for level in levels), 2).to_bytes(96, "big")
    tags = [(256, 8), (257, 8), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 8), (279, 96)]
    entries = b"".join(struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in tags)
    file = b"II*\0" + struct.pack("<I", 104) + packed + struct.pack("<H", len(tags)) + entries + bytes(4)
    expected = torch.from_numpy(levels / 4095).float().reshape(8, 8)
    assert torch.allclose(photo(file, size=8), expected.expand(3, -1, -1), atol=1 / 255)


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_tiff_of_many_bits_is_read_or_named(seed, tmp_path):
    tifffile.imwrite(file := tmp_path / "cells.tif", (RAMPS * 4095).astype(np.uint16), photometric="rgb")
    content, chance = bytearray(file.read_bytes()), random.Random(seed)
    for _ in range(8):
        content[chance.randrange(4, 200)] = chance.randrange(256)
    file.write_bytes(content[: chance.choice((None, 200, 3000))])
    try:
        said = tuple(photo(file, size=32).shape)
    except ValueError as error:
        said = str(error)
    assert said == (3, 32, 32) or "cells.tif" in said


def test_greys_below_zero_are_black_and_infinite_ones_white():
    levels = np.array([[-1.0, 0.25], [np.inf, np.nan]], dtype=np.float32)
    image = photo(content(Image.fromarray(levels), "TIFF"), size=2)
    assert torch.allclose(image[0], torch.tensor([[0, 0.25], [1, 0]]), atol=1 / 255)


def test_a_tiff_of_many_bits_whose_white_is_zero():
    levels = np.uint16([[0, 51400]] * 2)
    image = photo(content(Image.fromarray(levels), "TIFF", tiffinfo={262: 0}), size=2)
    assert torch.allclose(image[0], torch.tensor([[1, 55 / 255]] * 2), atol=1 / 255)


def test_a_dark_png_of_sixteen_bits_stays_dark():
    image = photo(content(Image.fromarray(np.full((8, 8), 4095, dtype=np.uint16))), size=8)
    assert torch.allclose(image, torch.tensor(4095 / 65535), atol=1 / 255)


# --- colour profiles --------------------------------------------------------------------------------------------------

SRGB = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])
DISPLAY_P3 = np.array([[0.5151, 0.2920, 0.1571], [0.2412, 0.6922, 0.0666], [-0.0011, 0.0419, 0.7841]])
"""Linear RGB to XYZ under D50, as in the profiles of the two."""


def profile(colours: np.ndarray | None, gamma: float) -> bytes:
    """An ICC profile: RGB of these primaries, or grey, with one gamma."""
    text = b"test profile"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text + bytes(1 + 4 + 4 + 2 + 1 + 67),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": b"XYZ " + bytes(4) + _fixed(0.9642, 1.0, 0.8249),
    }
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    if colours is None:
        tags[b"kTRC"] = curve
    else:
        for letter, column in zip(b"rgb", colours.T, strict=True):
            tags[bytes([letter]) + b"XYZ"] = b"XYZ " + bytes(4) + _fixed(*column)
            tags[bytes([letter]) + b"TRC"] = curve
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, entry in tags.items():
        table += name + struct.pack(">II", start + len(body), len(entry))
        body += entry + bytes(-len(entry) % 4)
    head = b"lcms" + b"\x02\x40\0\0" + b"mntr" + (b"GRAY" if colours is None else b"RGB ") + b"XYZ "
    head += bytes(12) + b"acsp" + bytes(28) + _fixed(0.9642, 1.0, 0.8249) + bytes(48)
    return struct.pack(">I", start + len(body)) + head + struct.pack(">I", len(tags)) + table + body


def _fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def encoded(linear: np.ndarray) -> np.ndarray:
    """The curve of sRGB."""
    linear = linear.clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("colour", [(200, 100, 50), (90, 160, 120), (255, 255, 255), (0, 0, 0), (255, 0, 0)])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_display_p3_becomes_srgb(kind, colour):
    options = (
        {"lossless": True} if kind == "WEBP" else {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    )
    data = content(Image.new("RGB", (8, 8), colour), kind, icc_profile=profile(DISPLAY_P3, 2.2), **options)
    linear = (np.array(colour) / 255) ** 2.2
    expected = encoded(np.linalg.inv(SRGB) @ DISPLAY_P3 @ linear)
    assert np.allclose(photo(data, size=8)[:, 4, 4], expected, atol=2.5 / 255)


def test_profiles_leave_transparency_and_grey_as_they_are():
    half = Image.new("RGBA", (8, 8), (200, 100, 50, 0))
    half.paste((200, 100, 50, 255), (0, 0, 4, 8))
    image = photo(content(half, icc_profile=profile(DISPLAY_P3, 2.2)), size=8)
    opaque = photo(content(half.convert("RGB"), icc_profile=profile(DISPLAY_P3, 2.2)), size=8)
    assert torch.equal(image[:, :, 0], opaque[:, :, 0]) and (image[:, :, 7] == 1).all()
    grey = photo(content(Image.new("L", (8, 8), 128), icc_profile=profile(None, 1.0)), size=8)
    assert np.allclose(grey, encoded(np.array(128 / 255)), atol=1.5 / 255)


def test_profiles_that_say_nothing_new_or_are_damaged_change_no_pixel():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    plain = photo(content(Image.fromarray(pixels)), size=16)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for other in (srgb, b"no profile", profile(DISPLAY_P3, 2.2)[:200], profile(None, 1.8)):
        assert torch.equal(photo(content(Image.fromarray(pixels), icc_profile=other), size=16), plain)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_counts(kind):
    frames = [Image.new("RGB", (16, 16), colour) for colour in (BLUE, RED, GREEN)]
    data = content(
        frames[0],
        kind,
        save_all=True,
        append_images=frames[1:],
        **({"lossless": True} if kind == "WEBP" else {}),
    )
    assert corners(photo(data, size=16)) == [BLUE] * 4


@pytest.mark.parametrize("sides", [(300, 100), (100, 300)])
def test_the_middle_square_is_cut(sides):
    image = Image.new("RGB", sides, RED)
    image.paste(
        GREEN, ((sides[0] - 100) // 2, (sides[1] - 100) // 2, (sides[0] + 100) // 2, (sides[1] + 100) // 2)
    )
    assert corners(photo(content(image), size=50)) == [GREEN] * 4
    assert photo(content(image), size=50)[0].max() < 0.01


def test_shrinking_averages():
    """A fine checkerboard becomes grey, not a coarser checkerboard."""
    board = np.indices((384, 384)).sum(0) % 2 * 255
    image = photo(content(Image.fromarray(board.astype(np.uint8))), size=96)
    assert torch.allclose(image, torch.tensor(0.5), atol=0.02)


def test_extreme_shapes_have_their_middle():
    assert torch.equal(
        photo(content(Image.new("RGB", (1, 1), (51, 102, 204))), size=96)[:, 0, 0],
        torch.tensor([0.2, 0.4, 0.8]),
    )
    assert photo(content(Image.new("RGB", (1, 1), (51, 102, 204))), size=96).std((1, 2)).max() < 1e-6
    strip = Image.new("RGB", (20_000, 10), RED)
    strip.paste(BLUE, (9_995, 0, 10_005, 10))
    assert corners(photo(content(strip), size=96)) == [BLUE] * 4


def test_a_large_jpeg_is_read_reduced_and_right():
    gradient = np.add.outer(np.linspace(0, 127, 3000), np.linspace(0, 127, 4000)).astype(np.uint8)
    image = photo(content(Image.fromarray(gradient), "JPEG", quality=95), size=48)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(gradient[None, None, :, 500:3500]).float() / 255, size=(48, 48), mode="area"
    )[0, 0]
    assert (image[0] - expected).abs().max() < 0.02


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="holiday.jpg"):
        photo(tmp_path / "holiday.jpg")
    with pytest.raises(ValueError, match="is a folder"):
        photo(tmp_path)


def test_what_is_no_image_is_named(tmp_path):
    (tmp_path / "notes.jpg").write_text("not a picture")
    with pytest.raises(ValueError, match=r"notes\.jpg is no image .*JPEG"):
        photo(tmp_path / "notes.jpg")
    with pytest.raises(ValueError, match=r"the image \(0 bytes\) is no image"):
        photo(b"")
    with pytest.raises(ValueError, match="as JPEG first"):
        photo(b"\x00\x00\x00\x18ftypheic" + bytes(64))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_a_truncated_file_is_named(kind, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = content(Image.fromarray(pixels), kind)
    (tmp_path / "half").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"half is (damaged|no image)"):
        photo(tmp_path / "half")


def test_a_garbled_note_of_the_camera_is_no_reason_to_refuse():
    data = content(
        quarters(), "JPEG", quality=95, subsampling=0, exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xffgarbage"
    )
    assert (photo(data, size=64) - photo(content(quarters()), size=64)).abs().mean() < 0.02


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(monkeypatch):
    header = bytearray(content(Image.new("1", (1, 1)), "BMP"))
    header[18:26] = (60_000).to_bytes(4, "little") * 2
    with pytest.raises(ValueError, match="too large"):
        photo(bytes(header))
    monkeypatch.setattr(sys.modules[ROOM], "MAX_PIXELS", 100)
    with pytest.raises(ValueError, match="64 x 64 pixels, more than"):
        photo(content(quarters()))


def test_wrong_types_and_sizes_are_refused():
    with pytest.raises(TypeError, match="path, an http address or bytes"):
        photo(3.5)
    with pytest.raises(ValueError, match="size"):
        photo(content(quarters()), size=0)


@pytest.fixture
def server():
    """An address on this machine that serves a picture, a page, and errors."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            found = {"/quarters.png": content(quarters()), "/page": b"<html>"}.get(self.path)
            self.send_response(200 if found else 503 if self.path == "/busy" else 404)
            self.end_headers()
            self.wfile.write(found or b"")

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def test_an_address_is_read(server):
    assert corners(photo(f"{server}/quarters.png", size=64)) == [RED, GREEN, BLUE, WHITE]


def test_an_address_that_fails_is_named(server, monkeypatch):
    with pytest.raises(FileNotFoundError, match="nothing.png answered 404"):
        photo(f"{server}/nothing.png")
    with pytest.raises(ConnectionError, match="busy answered 503"):
        photo(f"{server}/busy")
    with pytest.raises(ValueError, match="page is no image"):
        photo(f"{server}/page")
    monkeypatch.setattr(sys.modules[ROOM], "MAX_BYTES", 10)
    with pytest.raises(ValueError, match="longer than"):
        photo(f"{server}/quarters.png")


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/x.png", "https://no-such-host.invalid/x.png", "http://", "http://[::1"]
)
def test_without_a_network_the_message_says_what_to_do(address):
    with pytest.raises(ConnectionError, match="save the picture and give its path"):
        photo(address)


def test_a_tiff_in_lab_colours_shows_its_colours(tmp_path):
    """Pillow writes and reads the space, and leaves its conversion to profiles; eight bits of Lab cost some steps of each colour."""
    steps = torch.linspace(0.2, 0.8, 16)
    colours = torch.stack([steps.expand(16, 16), steps.flip(0).expand(16, 16).T, steps.expand(16, 16).T])
    original = Image.fromarray((255 * colours).byte().permute(1, 2, 0).numpy())
    lab = ImageCms.profileToProfile(
        original, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    lab.save(tmp_path / "lab.tif")
    difference = (photo(tmp_path / "lab.tif", size=16) - colours).abs()
    assert difference.mean() < 0.01 and difference.max() < 0.06

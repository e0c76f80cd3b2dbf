// Pictures and maps as the widgets draw them: pixels, palettes, the tiles of an `ImageGrid`.

import { uniform } from "./random.js";

const EMPTY = new DataView(new ArrayBuffer(0));

// Pixels of a bitmap or canvas at a side, as a picture.
export function pixelsOf(bitmap, side) {
  const pen = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, side, side);
  const { data } = pen.getImageData(0, 0, side, side);
  const pixels = new Float32Array(3 * side * side);
  for (let i = 0; i < side * side; i++) for (let c = 0; c < 3; c++) pixels[c * side * side + i] = data[4 * i + c] / 255;
  return { side, pixels };
}

// A mask as booleans: true where the picture of it is opaque.
export async function maskOf(bytes) {
  if (!bytes.byteLength) return null;
  const bitmap = await createImageBitmap(new Blob([bytes]));
  const pen = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  pen.drawImage(bitmap, 0, 0);
  const { data } = pen.getImageData(0, 0, bitmap.width, bitmap.height);
  return Array.from({ length: data.length / 4 }, (_, i) => data[4 * i + 3] > 0);
}

// Bytes of a PNG of colours; `paint(data)` fills in red, green, blue and opacity, row by row.
export async function png(width, height, paint) {
  const image = new ImageData(width, height);
  paint(image.data);
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return new DataView(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
}

export const picturePng = ({ side, pixels }) =>
  png(side, side, (data) => {
    for (let i = 0; i < side * side; i++) {
      for (let c = 0; c < 3; c++) data[4 * i + c] = 255 * pixels[c * side * side + i];
      data[4 * i + 3] = 255;
    }
  });

// Red, green, blue and opacity from 0 to 255 as the one number that a pixel has in memory.
const ink = (red, green, blue, opacity = 255) => ((opacity << 24) | (blue << 16) | (green << 8) | red) >>> 0;

// Tiles of width x height in one picture, as many to a row as there are rows, or nearly; `colour(tile, i)` is the ink of its i-th pixel.
async function atlas(count, width, height, colour) {
  const columns = Math.max(1, Math.ceil(Math.sqrt(count)));
  const wide = columns * width;
  const image = await png(wide, Math.ceil(count / columns) * height, (data) => {
    const inks = new Uint32Array(data.buffer);
    for (let tile = 0; tile < count; tile++) {
      const corner = Math.floor(tile / columns) * height * wide + (tile % columns) * width;
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) inks[corner + y * wide + x] = colour(tile, y * width + x);
      }
    }
  });
  return { png: image, count, columns, width, height };
}

// Several pictures of one side as the tiles of an `ImageGrid`.
export function tiles(pictures) {
  const { side } = pictures[0];
  const area = side * side;
  const level = (value) => Math.round(255 * Math.min(Math.max(value, 0), 1));
  return atlas(pictures.length, side, side, (tile, i) => {
    const { pixels } = pictures[tile];
    return ink(level(pixels[i]), level(pixels[i + area]), level(pixels[i + 2 * area]));
  });
}

// A picture that is there as bytes, as the one tile of an `ImageGrid`.
const tileOfBytes = new WeakMap();
export async function tileOf(bytes) {
  if (!tileOfBytes.has(bytes)) {
    const { width, height } = await createImageBitmap(new Blob([bytes]));
    tileOfBytes.set(bytes, { png: bytes, count: 1, columns: 1, width, height });
  }
  return tileOfBytes.get(bytes);
}

// Maps of one size as the tiles of an `ImageGrid`, at one scale from low to high. `opacity(share)` is that along the palette.
export function mapTiles(maps, [height, width], palette, low, high, opacity = () => 1) {
  const last = palette.length - 1;
  const inks = Uint32Array.from(palette, (colour, i) => ink(...colour, Math.round(255 * opacity(i / last))));
  const scale = last / (high - low || 1);
  return atlas(maps.length, width, height, (tile, i) => inks[Math.min(Math.max(Math.round((maps[tile][i] - low) * scale), 0), last)]);
}

export const rising = (power) => (share) => share ** power;
export const fromTheMiddle = (power) => (share) => Math.abs(2 * share - 1) ** power;

export function rangeOf(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

// The largest absolute value over the colours, or their sum: one number for each pixel of a map of three channels.
export function perPixel(map, signed) {
  const area = map.length / 3;
  return map.subarray(0, area).map((red, i) => {
    const [green, blue] = [map[i + area], map[i + 2 * area]];
    return signed ? red + green + blue : Math.max(Math.abs(red), Math.abs(green), Math.abs(blue));
  });
}

// Values divided by the 99.5th percentile of their absolute values, clipped at 1.
function normalised(values) {
  const sizes = values.map(Math.abs).sort();
  const at = 0.995 * (sizes.length - 1);
  const [below, above] = [sizes[Math.floor(at)], sizes[Math.ceil(at)]];
  const top = below + (above - below) * (at % 1) || sizes.at(-1) || 1;
  return values.map((value) => Math.min(Math.max(value / top, -1), 1));
}

// Maps of three channels as the overlay of an `ImageGrid`, each at its own scale; `view` is "size", "sign" or "picture".
export function attributionTiles(maps, side, view, palettes) {
  if (view === "picture") return tiles(maps.map((map) => ({ side, pixels: normalised(map).map((value) => 0.5 + value / 2) })));
  const signed = view === "sign";
  const numbers = maps.map((map) => normalised(perPixel(map, signed)));
  if (signed) return mapTiles(numbers, [side, side], palettes.PuOr_r, -1, 1, fromTheMiddle(0.5));
  return mapTiles(numbers, [side, side], palettes.viridis, 0, 1, rising(0.4));
}

// What a map says, compared with the true mask: where its maximum lies, and its share on the object.
export function describeMap(values, mask, object) {
  const [, most] = rangeOf(values);
  if (!(most > 0)) return ["Nothing in this map speaks for what was asked."];
  const said = [`Its values reach ${Number(most.toPrecision(2))}.`];
  if (!mask) return [...said, "A photograph has no known mask, so this cannot be checked against the truth."];
  let [inside, all, hits, tops] = [0, 0, 0, 0];
  values.forEach((value, i) => {
    all += Math.max(value, 0);
    if (mask[i]) inside += Math.max(value, 0);
    if (value === most) {
      tops += 1;
      if (mask[i]) hits += 1;
    }
  });
  const area = mask.filter(Boolean).length / mask.length;
  if (!area) return said;
  const percent = (share) => `${Math.round(100 * share)}%`;
  const where = hits / tops >= 0.5 ? "on" : "beside";
  return [...said, `${percent(inside / all)} of it lies on the ${object}, which fills ${percent(area)} of the picture; its strongest point lies ${where} the ${object}.`];
}

// The fill of an occluder, as `cnnlab.attribution.fill_image` makes it.
export function filled({ side, pixels }, kind) {
  const area = side * side;
  if (kind === "grey") return { side, pixels: new Float32Array(3 * area).fill(0.5) };
  if (kind === "noise") return { side, pixels: uniform(0, 3 * area) };
  if (kind === "blur") return blurred({ side, pixels }, side / 12);
  const means = [0, 1, 2].map((c) => pixels.subarray(c * area, (c + 1) * area).reduce((sum, value) => sum + value, 0) / area);
  return { side, pixels: new Float32Array(3 * area).map((_, i) => means[Math.floor(i / area)]) };
}

// A Gaussian blur, along rows and then along columns; the border's pixels are repeated outwards.
function blurred({ side, pixels }, sigma) {
  const radius = Math.max(1, Math.round(3 * sigma));
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)));
  const total = weights.reduce((sum, value) => sum + value, 0);
  const along = (from, step, other) => {
    const to = new Float32Array(from.length);
    for (let c = 0; c < 3; c++) {
      for (let line = 0; line < side; line++) {
        for (let at = 0; at < side; at++) {
          let sum = 0;
          for (let k = -radius; k <= radius; k++) {
            const place = Math.min(Math.max(at + k, 0), side - 1);
            sum += weights[k + radius] * from[c * side * side + line * other + place * step];
          }
          to[c * side * side + line * other + at * step] = sum / total;
        }
      }
    }
    return to;
  };
  return { side, pixels: along(along(pixels, 1, side), side, 1) };
}

export { EMPTY };

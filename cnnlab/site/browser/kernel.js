// What a kernel does for an explorer: networks, pictures, colours and the traits of widgets.
//
// A picture is { side, pixels }: 3 x side x side floats in [0, 1], channel by channel, as in Python.

const cache = new Map();
const once = (key, make) => cache.get(key) ?? cache.set(key, make()).get(key);

async function file(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} is not there`);
  return answer;
}

// The text of a file that lies compressed on the host; `kind` is the method that reads it.
export async function unpacked(address, kind = "text") {
  const stream = (await file(address)).body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream)[kind]();
}

async function runtime(here) {
  return once("runtime", async () => {
    const address = (name, type) =>
      unpacked(new URL(`vendor/${name}.gz`, here), "blob").then((blob) => URL.createObjectURL(new Blob([blob], { type })));
    const [ort, glue, binary] = await Promise.all([
      address("ort.wasm.min.mjs", "text/javascript").then((url) => import(url)),
      address("ort-wasm-simd-threaded.mjs", "text/javascript"),
      unpacked(new URL("vendor/ort-wasm-simd-threaded.wasm.gz", here), "arrayBuffer"),
    ]);
    Object.assign(ort.env.wasm, { numThreads: 1, wasmPaths: { mjs: glue }, wasmBinary: binary });
    return ort;
  });
}

const softmax = (logits) => {
  const most = Math.max(...logits);
  const shares = logits.map((value) => Math.exp(value - most));
  const total = shares.reduce((sum, value) => sum + value, 0);
  return shares.map((value) => value / total);
};

export const argmax = (values) => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);

export class Network {
  constructor(name, about, here) {
    Object.assign(this, about, { name, here });
  }

  session(kind) {
    return once(`${this.name}.${kind}`, async () => {
      const ort = await runtime(this.here);
      const graph = await (await file(new URL(`networks/${this.name}.${kind}.onnx`, this.here))).arrayBuffer();
      return ort.InferenceSession.create(new Uint8Array(graph));
    });
  }

  // The logits of a picture, and the gradient of seed . logits by its pixels.
  async gradient(picture, seed) {
    const [ort, session] = await Promise.all([runtime(this.here), this.session("gradient")]);
    const { side } = this;
    const given = { image: new ort.Tensor("float32", picture.pixels, [1, 3, side, side]), seed: new ort.Tensor("float32", Float32Array.from(seed), [1, seed.length]) };
    const { logits, gradient } = await session.run(given);
    return { logits: Array.from(logits.data), gradient: gradient.data };
  }

  // The class probabilities of several pictures, an array each.
  async probabilities(pictures) {
    const [ort, session] = await Promise.all([runtime(this.here), this.session("scores")]);
    const { side } = this;
    const batch = new Float32Array(pictures.length * 3 * side * side);
    pictures.forEach((picture, i) => batch.set(picture.pixels, i * picture.pixels.length));
    const { logits } = await session.run({ image: new ort.Tensor("float32", batch, [pictures.length, 3, side, side]) });
    const classes = logits.dims[1];
    return pictures.map((_, i) => softmax(Array.from(logits.data.subarray(i * classes, (i + 1) * classes))));
  }
}

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

// Several pictures of one side as the tiles of an `ImageGrid`.
export async function tiles(pictures) {
  const [{ side }, columns] = [pictures[0], Math.max(1, Math.ceil(Math.sqrt(pictures.length)))];
  const wide = columns * side;
  const image = await png(wide, Math.ceil(pictures.length / columns) * side, (i) => {
    const [row, column] = [Math.floor(i / wide), i % wide];
    const picture = pictures[Math.floor(row / side) * columns + Math.floor(column / side)];
    const at = (row % side) * side + (column % side);
    return picture ? [0, 1, 2].map((c) => Math.round(255 * picture.pixels[c * side * side + at])).concat(255) : [0, 0, 0, 0];
  });
  return { png: image, count: pictures.length, columns, width: side, height: side };
}

// A source of one of these values each time, the same for the same seed (mulberry32).
export function chance(seed, ...values) {
  let state = seed + 0x6d2b79f5;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return values[((mixed ^ (mixed >>> 14)) >>> 0) % values.length];
  };
}

// Shares in [0, 1] as lines over x, as the bytes of a PNG; the second line is dashed.
export async function curve(x, lines, label) {
  const [width, height, left, bottom, scale] = [350, 230, 40, 40, 2];
  const canvas = new OffscreenCanvas(width * scale, height * scale);
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, height);
  const place = (value, share) => [left + ((width - left - 12) * value) / x.at(-1), 10 + (height - bottom - 10) * (1 - share)];
  pen.font = "11px sans-serif";
  pen.fillStyle = pen.strokeStyle = "#444";
  for (const share of [0, 0.5, 1]) pen.fillText(share.toFixed(1), 14, place(0, share)[1] + 4);
  for (const value of [0, x.at(-1) / 2, x.at(-1)]) pen.fillText(String(value), place(value, 0)[0] - 6, height - bottom + 16);
  pen.fillText(label, width / 2 - 30, height - 6);
  pen.strokeRect(left, 10, width - left - 12, height - bottom - 10);
  lines.forEach(({ name, values }, i) => {
    pen.lineWidth = 2;
    pen.strokeStyle = pen.fillStyle = ["#555", "#1f77d0"][i];
    pen.setLineDash(i ? [6, 4] : []);
    pen.beginPath();
    values.forEach((share, k) => pen[k ? "lineTo" : "moveTo"](...place(x[k], share)));
    pen.stroke();
    pen.fillText(name, width - 130, 30 + 16 * i);
  });
  return new DataView(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
}

// The fill of an occluder, as `cnnlab.attribution.fill_image` makes it; its noise is drawn by the browser.
export function filled({ side, pixels }, kind) {
  const area = side * side;
  if (kind === "grey") return { side, pixels: new Float32Array(3 * area).fill(0.5) };
  const noise = chance(0, ...Array.from({ length: 256 }, (_, i) => i / 255));
  if (kind === "noise") return { side, pixels: new Float32Array(3 * area).map(noise) };
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

// Bytes of a PNG: of a picture, or of colours [r, g, b, a] row by row.
export async function png(width, height, colour) {
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) image.data.set(colour(i), 4 * i);
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return new DataView(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
}

export const picturePng = ({ side, pixels }) =>
  png(side, side, (i) => [0, 1, 2].map((c) => Math.round(255 * pixels[c * side * side + i])).concat(255));

// The rows of `ProbabilityBars`: the five most probable classes, then the target.
export function bars(now, before, names, target) {
  const ranks = now.map((_, i) => i).sort((a, b) => now[b] - now[a] || a - b).slice(0, 5);
  const rounded = (value) => Math.round(value * 1e4) / 1e4;
  return (ranks.includes(target) ? ranks : [...ranks, target]).map((i) => ({
    name: names[i], now: rounded(now[i]), before: before ? rounded(before[i]) : null, target: i === target,
  }));
}

export class Kernel {
  constructor(models, description, here) {
    Object.assign(this, { models, description, here });
    this.quiet = 0; // while it is positive, changes are the kernel's own
  }

  get(name, trait = "value") {
    return this.models[name].get(trait);
  }

  set(name, traits) {
    this.quiet += 1;
    this.models[name].set(traits);
    this.quiet -= 1;
  }

  // Calls back when the reader changes a trait of one of these widgets; errors are shown in the explorer.
  on(names, callback, trait = "value") {
    for (const name of [names].flat()) {
      this.models[name].on(`change:${trait}`, () => this.quiet || this.attempt(callback));
    }
  }

  onClick(name, callback) {
    this.models[name].send = () => this.attempt(callback); // a button's view sends its click to the kernel
  }

  async attempt(work) {
    try {
      await work();
      this.alert("");
    } catch (error) {
      this.alert(error.message ?? String(error));
    }
  }

  async alert(text) {
    const layout = this.models.alert.get("layout");
    layout.set("display", text ? "" : "none");
    this.set("alert", { value: escaped(text) });
  }

  status(text) {
    this.set("status", { value: escaped(text) });
  }

  show(name, shown) {
    this.models[name].get("layout").set("display", shown ? "" : "none");
  }

  network() {
    const name = this.models.network.get("_options_labels")[this.get("network", "index")];
    return once(`network ${name}`, async () => new Network(name, await (await file(new URL(`networks/${name}.json`, this.here))).json(), this.here));
  }

  // The picture on show: { name, description, object, code, eye: bytes, mask: bytes, at: side => picture }.
  async picture() {
    const kind = this.get("kind");
    if (kind === "own") return this.own();
    const list = await once("list", async () => (await file(new URL("pictures/list.json", this.here))).json());
    const panel = kind === "photograph" ? "photographs" : "rendered";
    const name = this.get(panel) || this.get(panel, "names")[0];
    this.set(panel, { value: name });
    const bytes = (ending) => once(`${name}${ending}`, async () => new DataView(await (await file(new URL(`pictures/${name}${ending}`, this.here))).arrayBuffer()));
    const about = list[name];
    const [eye, mask] = await Promise.all([bytes(".jpg"), about.mask ? bytes("-mask.png") : new DataView(new ArrayBuffer(0))]);
    const at = (side) => once(`${name} at ${side}`, async () => pixelsOf(await createImageBitmap(new Blob([await bytes(`-${side}.png`)])), side));
    return { name, ...about, eye, masked: about.mask, mask, at };
  }

  own() {
    const upload = this.get("upload", "upload");
    if (!upload.content) return null;
    return once(`own ${upload.turn}`, async () => {
      const bitmap = await createImageBitmap(new Blob([upload.content]), { imageOrientation: "from-image" }).catch(() => {
        throw new Error(`${upload.name} cannot be read as a picture: choose a PNG, JPEG or WebP.`);
      });
      const least = Math.min(bitmap.width, bitmap.height);
      const square = await createImageBitmap(bitmap, (bitmap.width - least) / 2, (bitmap.height - least) / 2, least, least);
      const large = pixelsOf(square, 480);
      const nothing = new DataView(new ArrayBuffer(0));
      const at = async (side) => pixelsOf(square, side);
      const code = { 96: "", 224: "" };
      return { name: "own", description: `photo ${upload.name}`, object: "object", code, eye: await picturePng(large), mask: nothing, masked: false, at };
    });
  }

  // Follows the pickers of network and picture: `changed` is called after each choice.
  async followPickers(changed) {
    const panels = { photograph: "photographs", rendered: "rendered_panel", own: "upload" };
    const choose = () => {
      for (const [kind, panel] of Object.entries(panels)) this.show(panel, kind === this.get("kind"));
      if (this.get("kind") === "own" && !this.get("upload", "upload").content) return undefined;
      return changed();
    };
    this.on(["kind", "photographs", "rendered", "network"], choose);
    this.on("upload", () => {
      const { name, content } = this.get("upload", "upload");
      this.set("upload", { photo_name: content ? name : "" });
      if (!content) this.set("kind", { value: "photograph" });
      return choose();
    }, "upload");
  }
}

export function escaped(text) {
  const node = document.createElement("i");
  node.textContent = text;
  return node.innerHTML;
}

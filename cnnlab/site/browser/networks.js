// Networks as ONNX graphs, run by ONNX Runtime in WebAssembly. `onnx_graphs.py` says which graphs there are.
//
// A picture is { side, pixels }: 3 x side x side floats in [0, 1], channel by channel, as in Python.

const made = new Map();

// What `make` promises, made once; what has failed is tried again.
export function once(key, make, cache = made) {
  if (!cache.has(key)) {
    const promise = make();
    cache.set(key, promise);
    promise.catch(() => cache.delete(key));
  }
  return cache.get(key);
}

export async function file(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} is not there`);
  return answer;
}

// The text of a file that lies compressed on the host; `kind` is the method that reads it.
export async function unpacked(address, kind = "text") {
  const stream = (await file(address)).body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream)[kind]();
}

function runtime(here) {
  return once("runtime", async () => {
    const address = (name, type) =>
      unpacked(new URL(`vendor/${name}.gz`, here), "blob").then((blob) => URL.createObjectURL(new Blob([blob], { type })));
    const [ort, glue, binary] = await Promise.all([
      address("ort.wasm.min.mjs", "text/javascript").then((url) => import(url)),
      address("ort-wasm-simd-threaded.mjs", "text/javascript"),
      unpacked(new URL("vendor/ort-wasm-simd-threaded.wasm.gz", here), "arrayBuffer"),
    ]);
    // The proxy is a worker: the page answers while a network runs.
    Object.assign(ort.env.wasm, { proxy: true, numThreads: 1, wasmPaths: { mjs: glue }, wasmBinary: binary });
    return ort;
  });
}

export function softmax(logits) {
  const most = Math.max(...logits);
  const shares = Array.from(logits, (value) => Math.exp(value - most));
  const total = shares.reduce((sum, value) => sum + value, 0);
  return shares.map((value) => value / total);
}

export const argmax = (values) => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);

let created = Promise.resolve(); // sessions are created one after the other, since the runtime has one place for their weights

// The rules of the backward pass through a ReLU: whether it counts as open where it was closed, and passes negative signals back.
const RULES = { gradient: [0, 1], deconvnet: [1, 0], "guided backprop": [0, 0] };

// A network by its name, for pages whose files lie at `here`.
export const networkOf = (name, here) => once(`network ${name}`, async () => new Network(name, await (await file(new URL(`networks/${name}.json`, here))).json(), here));

class Network {
  constructor(name, about, here) {
    Object.assign(this, about, { name, here });
    this.busy = Promise.resolve();
  }

  layer(name) {
    return this.layers.find((layer) => layer.name === name);
  }

  session(kind) {
    return once(`${this.name}.${kind}`, async () => {
      const read = async (name) => new Uint8Array(await (await file(new URL(`networks/${name}`, this.here))).arrayBuffer());
      const weights = once(this.weights, () => read(this.weights));
      const [ort, graph, data] = await Promise.all([runtime(this.here), read(`${this.name}.${kind}.onnx`), weights]);
      const create = () => ort.InferenceSession.create(graph, { externalData: [{ path: this.weights, data }] });
      return (created = created.then(create, create));
    });
  }

  // The outputs of a graph by name; `wanted` names those that are read, all by default. One run at a time, in the order of the calls.
  async run(kind, inputs, wanted = undefined) {
    const [ort, session] = await Promise.all([runtime(this.here), this.session(kind)]);
    const feeds = {};
    for (const [name, { data, dims }] of Object.entries(inputs)) feeds[name] = new ort.Tensor("float32", data.slice(), dims); // a copy, which the worker keeps
    const result = this.busy.then(() => session.run(feeds, wanted));
    this.busy = result.catch(() => {});
    return result;
  }

  // The class scores of several pictures, an array each.
  async logits(pictures) {
    const { side } = this;
    const data = new Float32Array(pictures.length * 3 * side * side);
    pictures.forEach((picture, i) => data.set(picture.pixels, i * picture.pixels.length));
    const { logits } = await this.run("scores", { image: { data, dims: [pictures.length, 3, side, side] } });
    const classes = logits.dims[1];
    return pictures.map((_, i) => logits.data.subarray(i * classes, (i + 1) * classes));
  }

  async probabilities(pictures) {
    return (await this.logits(pictures)).map(softmax);
  }

  image(picture) {
    return { data: picture.pixels, dims: [1, 3, this.side, this.side] };
  }

  seed(values) {
    return { data: Float32Array.from(values), dims: [1, values.length] };
  }

  rule(name) {
    return { data: Float32Array.from(RULES[name]), dims: [2] };
  }

  // The gradient of seed . logits by the pixels of a picture.
  async gradient(picture, seed, rule = "gradient") {
    const inputs = { image: this.image(picture), seed: this.seed(seed), rule: this.rule(rule) };
    return (await this.run("gradient", inputs, ["gradient"])).gradient.data;
  }

  // The same for the largest activation of a channel of a layer.
  async unitGradient(picture, layer, unit, rule = "gradient") {
    let [start, total] = [0, 0];
    for (const { name, shape } of this.layers) {
      if (name === layer) start = total;
      total += shape[0];
    }
    const seed = new Float32Array(total);
    seed[start + unit] = 1;
    const inputs = { image: this.image(picture), seed: this.seed(seed), rule: this.rule(rule) };
    return (await this.run("units", inputs, ["gradient"])).gradient.data;
  }
}

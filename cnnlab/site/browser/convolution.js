// The convolution explorer's answers: patch x kernel + bias, one number of a map after the other. No network runs.

import { escaped, latestOnly } from "./kernel.js";
import { mapTiles, rangeOf } from "./pictures.js";
import { call, literal, snippet } from "./snippets.js";

const SOURCE = 96; // side of the picture before it is reduced
const OUTLINE = "#ff4fa3";
const READABLE = 5; // cells along a side at which a number is still legible
const LEARNED = "learned by the network";

// A hand-made kernel, row by row: edges respond to changes of brightness, blur to its mean.
function named(name, size) {
  const offset = (i) => Math.sign(i - (size - 1) / 2);
  const middle = Math.floor(size / 2) * (size + 1);
  return Float32Array.from({ length: size * size }, (_, i) => {
    const spot = Number(i === middle);
    return {
      "vertical edge": offset(i % size),
      "horizontal edge": offset(Math.floor(i / size)),
      blur: 1 / size ** 2,
      spot: spot || -1 / Math.max(size ** 2 - 1, 1),
      sharpen: 2 * spot - 1 / size ** 2,
      "one pixel": Number(i === 0),
    }[name];
  });
}

// The mean over the colours, and over the pixels that are merged into one.
function grey({ side, pixels }, small) {
  const ends = (i) => [Math.floor((i * side) / small), Math.ceil(((i + 1) * side) / small)];
  return Float32Array.from({ length: small * small }, (_, i) => {
    const [[top, bottom], [left, right]] = [ends(Math.floor(i / small)), ends(i % small)];
    let sum = 0;
    for (let c = 0; c < 3; c++) for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += pixels[(c * side + y) * side + x];
    return sum / (3 * (bottom - top) * (right - left));
  });
}

const plural = (count, word, more = "") => `${count} ${word}${count === 1 ? "" : "s"}${more}`;

// The output size in words, as `cnnlab.networks.explain_output_size` says it.
function explained(size, kernel, stride, padding, dilation) {
  const [padded, reach] = [size + 2 * padding, dilation * (kernel - 1) + 1];
  const [positions, remainder] = [Math.floor((padded - reach) / stride) + 1, (padded - reach) % stride];
  const sum = padding ? `${size} + 2 x ${padding}` : `${size}`;
  const exact = Number(((padded - reach) / stride + 1).toPrecision(4));
  const said = [`(${sum} - ${reach}) / ${stride} + 1 = ${remainder ? `${exact}, rounded down to ` : ""}${plural(positions, "position")}.`];
  if (dilation > 1 && kernel > 1) said.push(`The kernel of ${kernel} reaches over ${dilation} x ${kernel - 1} + 1 = ${reach} pixels.`);
  if (remainder) said.push(`The last ${plural(remainder, "pixel", " of the padded axis")} ${remainder === 1 ? "is" : "are"} read by no window.`);
  if (stride > reach && positions > 1) {
    const gap = stride - reach;
    said.push(`Windows of reach ${reach} lie ${stride} apart, so ${plural(gap, "pixel")} between two of them ${gap === 1 ? "is" : "are"} skipped.`);
  }
  if (padding >= reach) said.push("The outermost windows see nothing but padding.");
  if (positions === size && size > 1) said.push("As many positions as pixels: the map keeps the size of the picture.");
  return said.join(" ");
}

// Why a kernel fits nowhere, and with what it would.
function impossible(size, kernel, padding, dilation) {
  const [padded, reach] = [size + 2 * padding, dilation * (kernel - 1) + 1];
  const largest = Math.floor((padded - 1) / dilation) + 1;
  const step = Math.floor((padded - 1) / (kernel - 1));
  const remedies = [
    ...(largest < kernel ? [`a kernel of ${largest}`] : []),
    ...(dilation > 1 && step >= 1 ? [`a dilation of ${step}`] : []),
    `a padding of ${Math.ceil((reach - size) / 2)}`,
    `a picture of ${reach - 2 * padding}`,
  ];
  const spread = dilation > 1 ? ` with dilation ${dilation}` : "";
  const even = padding ? `, even with the padding (${size} + 2 x ${padding} = ${padded})` : "";
  return `a kernel of ${kernel}${spread} reaches over ${plural(reach, "pixel")}, and the picture has only ${size}${even}, so it fits nowhere. It would fit with ${remedies.slice(0, -1).join(", ")} or ${remedies.at(-1)}.`;
}

// Grey for pixels (0 black, 1 white), orange and violet for signed numbers.
function tint(value, [low, high]) {
  if (low === 0) {
    const level = Math.round(255 * Math.min(Math.max(value / high, 0), 1));
    return `background: rgb(${level},${level},${level}); color: ${level > 120 ? "#000" : "#fff"}`;
  }
  const share = Math.min(Math.abs(value) / high, 1);
  const mixed = (value > 0 ? [179, 88, 6] : [84, 39, 136]).map((part) => Math.round(247 + (part - 247) * share));
  const light = [0.21, 0.72, 0.07].reduce((sum, part, i) => sum + part * (mixed[i] / 255) ** 2.2, 0);
  return `background: rgb(${mixed}); color: ${light < 0.18 ? "#fff" : "#000"}`;
}

function matrix(title, values, range, term) {
  const size = Math.sqrt(values.length);
  const cell = (value, i) => {
    const status = i + 1 === term ? "now" : i + 1 < term ? "done" : "todo";
    const text = size <= READABLE ? value.toFixed(2).replace("-", "−") : "";
    return `<td class="cnnlab-${status}" style="${tint(value, range)}" title="${value.toFixed(3)}">${text}</td>`;
  };
  const rows = Array.from({ length: size }, (_, r) => `<tr>${Array.from(values.subarray(r * size, (r + 1) * size), (value, c) => cell(value, r * size + c)).join("")}</tr>`);
  return `<table class="cnnlab-sum-matrix${size <= READABLE ? "" : " cnnlab-sum-small"}"><caption>${title}</caption>${rows.join("")}</table>`;
}

function symmetric(values) {
  const most = Math.max(...rangeOf(values).map(Math.abs), 1e-6);
  return [-most, most];
}

export async function start(kernel) {
  const { get, set } = { get: kernel.get.bind(kernel), set: kernel.set.bind(kernel) };
  let [network, picture, image, weights] = [];
  let position = [8, 10];
  let edited = false; // whether the reader has changed a weight
  let [state, step, tap] = []; // state: { side, pixels, weights, size, bias, stride, padding, dilation, count, output }

  const learned = () => kernel.option("kernel") === LEARNED;
  const at = (row, column) => (row >= 0 && column >= 0 && row < state.side && column < state.side ? state.pixels[row * state.side + column] : 0);

  async function refresh() {
    [network, picture] = await Promise.all([kernel.network(), kernel.picture()]);
    image = await picture.at(SOURCE);
    set("unit", { max: network.filters.length - 1, value: Math.min(get("unit"), network.filters.length - 1) });
    return newKernel();
  }

  function newKernel() {
    edited = false;
    set("unit", { disabled: !learned() });
    set("size", { disabled: learned() });
    weights = learned() ? Float32Array.from(network.filters[get("unit")].flat()) : named(kernel.option("kernel"), get("size"));
    return draw();
  }

  // The products of one number of the map.
  function stepAt([row, column]) {
    const taps = weights.length;
    const place = (i, start) => start * state.stride - state.padding + i * state.dilation;
    const places = Array.from({ length: taps }, (_, i) => [place(Math.floor(i / state.size), row), place(i % state.size, column)]);
    const patch = Float32Array.from(places, ([y, x]) => at(y, x));
    const products = patch.map((value, i) => value * weights[i]);
    return { places, patch, products, value: products.reduce((sum, value) => sum + value, 0) + state.bias };
  }

  // An impossible shape is reported, and the last possible one stays.
  const draw = latestOnly(async () => {
    const [side, size] = [get("pixels"), Math.sqrt(weights.length)];
    const [stride, padding, dilation] = ["stride", "padding", "dilation"].map((name) => get(name));
    const reach = dilation * (size - 1) + 1;
    if (reach > side + 2 * padding) throw new Error(impossible(side, size, padding, dilation));
    const count = Math.floor((side + 2 * padding - reach) / stride) + 1;
    state = { side, pixels: grey(image, side), size, bias: Math.round(100 * get("bias")) / 100, stride, padding, dilation, count };
    state.output = Float32Array.from({ length: count * count }, (_, i) => stepAt([Math.floor(i / count), i % count]).value);
    const wide = side + 2 * padding;
    const padded = Float32Array.from({ length: wide * wide }, (_, i) => at(Math.floor(i / wide) - padding, (i % wide) - padding));
    const { gray, PuOr_r } = kernel.palettes;
    const [seen, shown, made] = await Promise.all([
      mapTiles([padded], [wide, wide], gray, 0, 1),
      mapTiles([weights], [size, size], PuOr_r, ...symmetric(weights)),
      mapTiles([state.output], [count, count], PuOr_r, ...symmetric(state.output)),
    ]);
    set("arithmetic", { value: `<p>${explained(side, size, stride, padding, dilation)}</p>` });
    set("kernel_grid", { tiles: shown });
    set("input", { tiles: seen });
    const [low, high] = rangeOf(state.output);
    set("output", { tiles: made, captions: [`${count} x ${count} numbers from ${low.toFixed(2)} to ${high.toFixed(2)}`] });
    position = position.map((coordinate) => Math.min(coordinate, count - 1));
    const whole = get("term") === get("term", "max");
    set("term", { max: size ** 2, value: whole ? size ** 2 : Math.min(get("term"), size ** 2) });
    const [, row, column] = get("kernel_grid", "point");
    set("kernel_grid", { point: [0, Math.min(row, size - 1), Math.min(column, size - 1)] });
    chooseWeight();
    const name = learned() ? `filter ${get("unit")} of ${network.first_layer} of ${network.name}` : kernel.option("kernel");
    kernel.status(`${name}, on ${picture.description}.`);
    showPosition();
  });

  function showPosition() {
    step = stepAt(position);
    const [row, column] = position;
    set("output", { point: [0, row, column], readout: `row ${row}, column ${column} is ${step.value.toFixed(2)}` });
    showSum();
  }

  function showSum() {
    const term = get("term");
    const tables = [
      matrix("patch", step.patch, [0, Math.max(1, ...step.patch)], term),
      matrix("kernel", weights, symmetric(weights), term),
      matrix("products", step.products, symmetric(step.products), term),
    ];
    const sign = (text) => `<span class="cnnlab-sum-sign">${text}</span>`;
    set("table", { value: `<div class="cnnlab-sum">${tables[0]}${sign("×")}${tables[1]}${sign("=")}${tables[2]}</div>` });
    set("sum", { value: `<p>${escaped(sentence(term))}</p>` });
    const [y, x] = step.places[Math.max(term, 1) - 1];
    tap = [y + state.padding, x + state.padding];
    set("input", { boxes: boxes(), point: [0, ...tap] });
  }

  function sentence(term) {
    const count = step.products.length;
    if (!term) return `${count} products to add. Step through them with the slider.`;
    const [i, [row, column]] = [term - 1, step.places[term - 1]];
    const soFar = step.products.subarray(0, term).reduce((sum, value) => sum + value, 0);
    const said = `Product ${term} of ${count}: pixel (${row}, ${column}) ${step.patch[i].toFixed(2)} × weight ${weights[i].toFixed(2)} = ${step.products[i].toFixed(2)}. So far ${soFar.toFixed(2)}.`;
    return term < count ? said : `${said} Plus the bias ${state.bias.toFixed(2)}: this number of the map is ${step.value.toFixed(2)}.`;
  }

  // The picture without its padding, and the pixels under the kernel.
  function boxes() {
    const { padding: border, side, size, dilation } = state;
    const frame = border ? [{ tile: 0, box: [border, border, side, side], colour: "#6fb7ff" }] : [];
    const under = step.places.map(([y, x]) => [y + border, x + border]);
    if (dilation === 1) return [...frame, { tile: 0, box: [...under[0], size, size], colour: OUTLINE }];
    return [...frame, ...under.map((place) => ({ tile: 0, box: [...place, 1, 1], colour: OUTLINE }))];
  }

  const weightIndex = () => get("kernel_grid", "point")[1] * Math.sqrt(weights.length) + get("kernel_grid", "point")[2];
  const chooseWeight = () => set("weight", { value: weights[weightIndex()] });

  function setWeight() {
    weights = weights.slice();
    weights[weightIndex()] = get("weight");
    edited = true;
    return draw();
  }

  function choosePixel() {
    const [, ...pixel] = get("input", "point");
    if (pixel.join() === tap.join()) return;
    const reach = state.dilation * (state.size - 1);
    position = pixel.map((coordinate) => Math.min(Math.max(Math.round((coordinate - reach / 2) / state.stride), 0), state.count - 1));
    showPosition();
  }

  function code() {
    const { size, side, stride, padding, dilation, bias } = state;
    const number = (value) => (Number.isInteger(value) ? value.toFixed(1) : String(value));
    const rows = Array.from({ length: size }, (_, r) => Array.from(weights.subarray(r * size, (r + 1) * size), (weight) => number(Number(weight.toFixed(6)))));
    const taken = learned() && !edited;
    const [row, column] = position;
    return snippet(
      picture.code[SOURCE],
      `grey = torch.nn.functional.adaptive_avg_pool2d(image.mean(0, keepdim=True), ${side})`,
      ...(taken ? [kernel.loading()] : []),
      `kernel = ${taken ? `units.filters(model)[${get("unit")}].sum(0, keepdim=True)` : `torch.tensor([[${rows.map((line) => `[${line.join(", ")}]`).join(", ")}]])`}`,
      `step = networks.convolution_step(grey, kernel, ${literal(bias)}, ${call({ row, column, stride, padding, dilation })})`,
      "print(step.products, step.value)",
    );
  }

  kernel.on(["size", "unit"], newKernel);
  kernel.on("kernel", newKernel, "index");
  kernel.on("weight", setWeight);
  kernel.on(["pixels", "bias", "stride", "padding", "dilation"], draw);
  kernel.on("term", showSum);
  kernel.on("kernel_grid", chooseWeight, "point");
  kernel.on("output", () => {
    position = get("output", "point").slice(1);
    showPosition();
  }, "point");
  kernel.on("input", choosePixel, "point");
  await kernel.followPickers(refresh);
  await refresh();
  return { state: () => ({ ...state, weights, position, step }), code };
}

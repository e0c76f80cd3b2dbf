// The saliency explorer's answers: five gradient methods for a class score, or for any channel of a layer.

import { paragraphs, rest } from "./kernel.js";
import { argmax, softmax } from "./networks.js";
import { attributionTiles, describeMap, perPixel, rangeOf, tileOf, tiles } from "./pictures.js";
import { normals } from "./random.js";
import { call, snippet } from "./snippets.js";

const METHODS = ["gradient", "deconvnet", "guided backprop", "SmoothGrad", "integrated gradients"];
const SLOW = METHODS.slice(3);
const LEAST_WINDOW = 24; // the smallest part of a picture that is shown enlarged, in pixels
const DEBOUNCE = 300; // milliseconds without a change after which the other methods are computed too
const VIEWS = ["size", "sign", "picture"];

// A picture in pale shades of grey, as the ground of a map.
function pale({ side, pixels }) {
  const area = side * side;
  const light = pixels.subarray(0, area).map((red, i) => (red + pixels[i + area] + pixels[i + 2 * area]) / 3);
  return { side, pixels: pixels.map((_, i) => 0.3 + 0.65 * light[i % area]) };
}

// The part of a picture that is shown, a square [top, left, side]: all of it, unless the map is zero but for a small part of it.
function windowOf(map, whole) {
  const area = whole * whole;
  const [rows, columns] = [[], []];
  for (let i = 0; i < area; i++) {
    if (!map[i] && !map[i + area] && !map[i + 2 * area]) continue;
    rows.push(Math.floor(i / whole));
    columns.push(i % whole);
  }
  const ranges = [rows, columns].map(rangeOf);
  const side = Math.max(LEAST_WINDOW, 2 * (Math.max(...ranges.map(([low, high]) => high - low)) + 1));
  if (!rows.length || 2 * side > whole) return [0, 0, whole];
  return [...ranges.map(([low, high]) => Math.min(Math.max(Math.floor((low + high + 1 - side) / 2), 0), whole - side)), side];
}

// A part of three channels of whole x whole numbers.
function cropped(values, whole, [top, left, side]) {
  const area = side * side;
  return Float32Array.from({ length: 3 * area }, (_, i) => {
    const place = i % area;
    return values[Math.floor(i / area) * whole * whole + (top + Math.floor(place / side)) * whole + left + (place % side)];
  });
}

export async function start(kernel) {
  const { get, set } = { get: kernel.get.bind(kernel), set: kernel.set.bind(kernel) };
  let [network, picture, image, truth, logits, clean] = [];
  let [maps, asked, run, part] = [{}, "", 0, [0, 0, 1]];

  const method = () => kernel.option("method");
  const layer = () => kernel.choice("layer");
  const target = () => kernel.choice("target") ?? argmax(clean);
  const byProbability = (name) => kernel.option("score") === "probability" && !["deconvnet", "guided backprop"].includes(name);

  // The gradient of what is asked, by the pixels of a picture.
  async function gradient(of, name) {
    const rule = SLOW.includes(name) ? "gradient" : name;
    if (layer() !== null) return network.unitGradient(of, layer(), get("unit"), rule);
    const goal = target();
    let seed = clean.map((_, i) => Number(i === goal));
    if (byProbability(name)) {
      const [shares] = of === image ? [clean] : await network.probabilities([of]);
      seed = seed.map((one, i) => shares[goal] * (one - shares[i]));
    }
    return network.gradient(of, seed, rule);
  }

  async function mapOf(name, mine) {
    if (!SLOW.includes(name)) return gradient(image, name);
    const [{ side, pixels }, samples] = [image, get("samples")];
    const sum = new Float32Array(pixels.length);
    const [low, high] = rangeOf(pixels);
    const noises = normals(0, pixels.length);
    for (let k = 0; k < samples; k++) {
      if (mine !== run) return null;
      const noise = name === "SmoothGrad" ? noises.next().value : null;
      const changed = pixels.map((value, i) => (noise ? value + get("noise") * (high - low) * noise[i] : (value * (k + 0.5)) / samples));
      const one = await gradient({ side, pixels: changed }, name);
      for (let i = 0; i < sum.length; i++) sum[i] += one[i] / samples;
      kernel.status(`Computing ${name}: ${k + 1} of ${samples} gradients.`);
      await rest(); // the page answers in between
    }
    return name === "SmoothGrad" ? sum : sum.map((value, i) => value * pixels[i]);
  }

  async function refresh() {
    [network, picture] = await Promise.all([kernel.network(), kernel.picture()]);
    [image, truth] = await Promise.all([picture.at(network.side), picture.truth(network.side)]);
    [logits] = await network.logits([image]);
    clean = softmax(logits);
    return newLayer();
  }

  function newLayer() {
    const chosen = layer();
    if (chosen !== null) {
      const most = network.layer(chosen).shape[0] - 1;
      set("unit", { max: most, value: Math.min(get("unit"), most) });
    }
    set("unit", { disabled: chosen === null });
    for (const name of ["target", "score"]) set(name, { disabled: chosen !== null });
    return compute();
  }

  // The chosen method at once, then the small maps; the other methods while the controls rest.
  async function compute() {
    const mine = ++run;
    const question = [network.name, picture.name, picture.description, layer(), get("unit"), target(), kernel.option("score"), get("samples"), get("noise")].join();
    if (question !== asked) maps = {};
    asked = question;
    set("samples", { disabled: !SLOW.includes(method()) });
    set("noise", { disabled: method() !== "SmoothGrad" });
    set("grid", { selected: METHODS.indexOf(method()) });
    const chosen = method();
    maps[chosen] ??= await mapOf(chosen, mine);
    if (mine !== run) return void (maps[chosen] ?? delete maps[chosen]);
    await paintMain();
    others(mine);
  }

  async function others(mine) {
    await kernel.attempt(async () => {
      await paintGrid();
      await rest(DEBOUNCE);
      for (const name of METHODS) {
        await rest();
        if (mine !== run) return;
        if (maps[name]) continue;
        const map = await mapOf(name, mine);
        if (mine !== run || !map) return;
        maps[name] = map;
        await paintGrid();
      }
      tell();
    }, "meanwhile");
  }

  const scoreName = () => (layer() !== null ? `unit ${get("unit")} of ${layer()}` : `the ${kernel.option("score")} of ${network.classes[target()]}`);

  function tell() {
    const winner = argmax(clean);
    kernel.status(`The network says ${network.classes[winner]} (${clean[winner].toFixed(2)}); the map is of ${scoreName()}, by ${method()}.`);
  }

  const view = () => VIEWS[get("view", "index")];

  async function paintMain() {
    const map = maps[method()];
    if (!map) return;
    part = windowOf(map, network.side);
    const [top, left, side] = part;
    const whole = side === network.side;
    const seen = { side, pixels: cropped(image.pixels, network.side, part) };
    const where = `: rows ${top} to ${top + side - 1}, columns ${left} to ${left + side - 1}, enlarged`;
    set("main_view", {
      tiles: whole ? await tileOf(picture.eye) : await tiles([seen]),
      smooth: whole,
      label: `The picture under the map${whole ? "" : where}`,
      overlay: await attributionTiles([cropped(map, network.side, part)], side, view(), kernel.palettes),
    });
    const ground = pale(seen);
    set("grid", { tiles: await tiles(METHODS.map(() => ground)) });
    readPixel();
    set("finding", { value: paragraphs(describeMap(perPixel(map, view() === "sign"), truth, picture.object)) });
    tell();
  }

  const paint = () => Promise.all([paintMain(), paintGrid()]);

  async function paintGrid() {
    const blank = new Float32Array(image.pixels.length);
    const shown = METHODS.map((name) => cropped(maps[name] ?? blank, network.side, part));
    set("grid", { overlay: await attributionTiles(shown, part[2], view(), kernel.palettes) });
  }

  function readPixel() {
    const [chosen, ...place] = get("main_view", "point");
    if (chosen < 0) return;
    const { side } = network;
    const shown = get("main_view", "tiles").height;
    const [row, column] = place.map((value, i) => part[i] + Math.floor((Math.min(value, shown - 1) * part[2]) / shown));
    const parts = [0, 1, 2].map((c) => maps[method()]?.[(c * side + row) * side + column] ?? 0);
    const [red, green, blue] = parts.map((value) => (value < 0 ? "" : "+") + Number(value.toPrecision(2)));
    set("main_view", { readout: `row ${row}, column ${column}: red ${red}, green ${green}, blue ${blue}` });
  }

  function code() {
    const averages = SLOW.includes(method());
    const smooth = method() === "SmoothGrad";
    const asked = layer() !== null ? { layer: layer(), unit: get("unit") } : { target: kernel.choice("target") };
    if (layer() === null && byProbability(method())) asked.score = "probability";
    if (averages) asked[smooth ? "samples" : "steps"] = get("samples");
    if (smooth) asked.noise = get("noise");
    return snippet(
      kernel.loading(),
      picture.code[network.side],
      `relevance = attribution.${method().toLowerCase().replace(" ", "_")}(model, image, ${call(asked)})`,
      "print(attribution.channel_max(relevance).max().item())",
    );
  }

  kernel.on("layer", newLayer, "index");
  kernel.on(["method", "target", "score"], compute, "index");
  kernel.on(["unit", "samples", "noise"], compute);
  kernel.on("view", paint, "index");
  kernel.on("grid", () => {
    set("method", { index: get("grid", "selected") });
    return compute();
  }, "selected");
  kernel.on("main_view", readPixel, "point");
  await kernel.followPickers(refresh);
  await refresh();
  return { maps: () => maps, logits: () => logits, code };
}

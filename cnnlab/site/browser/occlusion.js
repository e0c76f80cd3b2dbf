// The occlusion explorer's answers: the class probabilities under the occluder, and the map of all its positions.

import { bars, latestOnly, paragraphs, rest } from "./kernel.js";
import { argmax, softmax } from "./networks.js";
import { filled, picturePng, png, rangeOf } from "./pictures.js";
import { classIndex, classLiteral, snippet } from "./snippets.js";

const BATCH = 8; // positions of one forward pass
const NO_MASK = "A photograph has no known mask, so this cannot be checked against the truth.";

export async function start(kernel) {
  const { get, set } = { get: kernel.get.bind(kernel), set: kernel.set.bind(kernel) };
  let [network, picture, image, clean, fill, logits] = [];
  let [map, mapRun] = [null, 0]; // map: { target, rows, columns, size, clean, probability, predicted }

  const target = () => kernel.choice("target") ?? argmax(clean);

  function covered([left, top, size]) {
    const pixels = image.pixels.slice();
    const { side } = image;
    for (let c = 0; c < 3; c++) {
      for (let y = top; y < top + size; y++) {
        const row = c * side * side + y * side + left;
        pixels.set(fill.pixels.subarray(row, row + size), row);
      }
    }
    return { side, pixels };
  }

  const answer = latestOnly(async () => {
    const box = get("canvas", "box");
    [logits] = await network.logits([covered(box)]);
    const now = softmax(logits);
    const [first, winner, goal] = [argmax(clean), argmax(now), target()];
    const flipped = first !== winner;
    const says = flipped
      ? `${network.classes[first]} has become ${network.classes[winner]} (${now[winner].toFixed(2)})`
      : `the network still says ${network.classes[first]}`;
    const rounded = (value) => Math.round(value * 1e4) / 1e4;
    const result = { name: network.classes[goal], now: rounded(now[goal]), before: rounded(clean[goal]), says, flipped, box };
    set("bars", { entries: bars(now, clean, network.classes, goal) });
    set("canvas", { stride: get("stride"), result });
    set("size", { value: box[2] });
  });

  // The map of all positions.

  function positions(side, size, stride) {
    const starts = [];
    for (let at = 0; at <= side - size; at += stride) starts.push(at);
    return starts.at(-1) === side - size ? starts : [...starts, side - size];
  }

  function clear() {
    mapRun += 1;
    map = null;
    const count = positions(network.side, get("canvas", "box")[2], get("stride")).length;
    set("count", { value: `${count} × ${count} places of the occluder, one forward pass each` });
    idle();
  }

  function idle() {
    set("map_button", { disabled: false });
    set("stop_button", { disabled: true });
    kernel.models.progress.get("layout").set("visibility", "hidden");
    set("summary", { value: map?.done ? paragraphs(sentences()) : "" });
    kernel.show("jump_button", Boolean(map?.done));
    return paint();
  }

  async function fillMap() {
    const [mine, size, stride] = [++mapRun, get("canvas", "box")[2], get("stride")];
    const starts = positions(network.side, size, stride);
    const places = starts.flatMap((top) => starts.map((left) => [left, top, size]));
    map = { target: target(), rows: starts, columns: starts, size, done: 0, probability: [], predicted: [] };
    set("map_button", { disabled: true });
    set("stop_button", { disabled: false });
    kernel.models.progress.get("layout").set("visibility", "visible");
    if (!shown()) set("show_map", { index: 1 });
    for (let from = 0; from < places.length && mine === mapRun; from += BATCH) {
      const answers = await network.probabilities(places.slice(from, from + BATCH).map(covered));
      if (mine !== mapRun) return;
      for (const now of answers) {
        map.probability.push(now[map.target]);
        map.predicted.push(argmax(now));
      }
      map.done = map.probability.length / places.length;
      set("progress", { value: map.done });
      kernel.status(`The map grows: ${Math.round(100 * map.done)}%.`);
      await paint();
      await rest(); // the page answers in between
    }
    if (mine !== mapRun) return;
    kernel.status(`The map is whole: ${places.length} places.`);
    await idle();
  }

  function stop() {
    mapRun += 1;
    kernel.status(map?.done ? `Stopped; ${Math.round(100 * map.done)}% of the map is there.` : "Stopped.");
    return idle();
  }

  const shown = () => ["", "probability", "class"][get("show_map", "index")];

  async function paint() {
    if (!map?.done || !shown()) return set("canvas", { show_map: false });
    const { rows, columns, size, probability, predicted } = map;
    const { viridis, classes } = kernel.palettes;
    const place = { rows, columns, size };
    const overlay = async (count, colour) => ({
      png: await png(columns.length, rows.length, (data) => {
        for (let i = 0; i < count; i++) data.set(colour(i), 4 * i);
      }),
      ...place,
    });
    if (shown() === "class") {
      const coloured = (winner) => classes[winner % classes.length];
      const drawn = await overlay(predicted.length, (i) => [...coloured(predicted[i]), coloured(predicted[i]) === coloured(map.target) ? 70 : 255]);
      const entries = winners().slice(0, 5).map(([winner, count]) => ({
        name: network.classes[winner], colour: css(coloured(winner)), share: `${Math.round((100 * count) / predicted.length)}%`,
      }));
      return set("canvas", { overlay: drawn, legend: { kind: "classes", entries, note: "the class that wins there" }, show_map: true });
    }
    const [least, most] = get("stretch") ? rangeOf(probability) : [0, 1];
    const [low, high] = [least, Math.max(most, least + 1e-3)];
    const last = viridis.length - 1;
    const drawn = await overlay(probability.length, (i) => {
      const step = Math.round(Math.min(Math.max((probability[i] - low) / (high - low), 0), 1) * last);
      return [...viridis[step], Math.round(255 + (step / last) * (120 - 255))];
    });
    const colours = Array.from({ length: 9 }, (_, i) => css(viridis[Math.floor((i * last) / 8)]));
    const legend = { kind: "scale", low, high, mark: clean[map.target], colours, note: `probability of ${network.classes[map.target]}, by the occluder's centre` };
    return set("canvas", { overlay: drawn, legend, show_map: true });
  }

  // The classes that win somewhere, with the number of places, most first.
  function winners() {
    const counts = new Map();
    for (const winner of map.predicted) counts.set(winner, (counts.get(winner) ?? 0) + 1);
    return [...counts].sort(([a, most], [b, other]) => other - most || a - b);
  }

  function sentences() {
    const [{ target: goal, columns, rows, probability, predicted }, names] = [map, network.classes];
    const lowest = probability.indexOf(Math.min(...probability));
    const [row, column] = [rows[Math.floor(lowest / columns.length)], columns[lowest % columns.length]];
    const others = winners().filter(([winner]) => winner !== goal);
    const count = others.reduce((sum, [, places]) => sum + places, 0);
    return [
      `${names[goal]} is least probable (${probability[lowest].toFixed(2)} instead of ${clean[goal].toFixed(2)}) with the occluder at row ${row}, column ${column}.`,
      count
        ? `Another class wins in ${count} of ${predicted.length} places, most often ${names[others[0][0]]}.`
        : `No place of the occluder makes another class win (${predicted.length} places).`,
    ];
  }

  function jump() {
    const lowest = map.probability.indexOf(Math.min(...map.probability));
    const { rows, columns, size } = map;
    set("canvas", { box: [columns[lowest % columns.length], rows[Math.floor(lowest / columns.length)], size] });
    return answer();
  }

  function code() {
    const [left, top, size] = get("canvas", "box");
    const [goal, names, kind] = [target(), network.classes, kernel.option("fill")];
    const filling = `fill="${kind}"${kind === "noise" ? ", seed=0" : ""}`;
    const lines = [
      kernel.loading(),
      picture.code[network.side],
      `covered = attribution.occlude(image, top=${top}, left=${left}, size=${size}, ${filling})`,
      "with torch.inference_mode():",
      "    probability = model(covered.unsqueeze(0)).softmax(1)[0]",
      `print("${names[goal]}", probability[${classIndex(goal, names)}].item())`,
    ];
    if (map) {
      const options = `target=${classLiteral(goal, names)}, size=${size}, stride=${get("stride")}, ${filling}`;
      lines.push("", `occlusion_map = attribution.occlusion(model, image, ${options})`, "print(occlusion_map.probability)");
    }
    return snippet(...lines);
  }

  // What the controls do.

  async function refresh() {
    [network, picture] = await Promise.all([kernel.network(), kernel.picture()]);
    image = await picture.at(network.side);
    [clean] = await network.probabilities([image]);
    const { side } = network;
    const max = get("size", "max");
    if (side !== max) {
      const [left, top, size] = get("canvas", "box").map((value) => Math.round((value * side) / max));
      set("size", { max: side, value: size });
      set("stride", { max: Math.floor(side / 4), value: Math.max(1, Math.round(side / 24)) });
      set("canvas", { side, box: [Math.min(left, side - size), Math.min(top, side - size), size] });
    }
    set("canvas", {
      label: picture.description, picture: { eye: picture.eye, network: await picturePng(image), mask: await picture.mask() },
    });
    set("show_mask", { disabled: !picture.masked });
    await newFill();
    kernel.status(`${network.name} looks at: ${picture.description}.${picture.masked ? "" : ` ${NO_MASK}`}`);
  }

  async function newFill() {
    const kind = kernel.option("fill");
    fill = filled(image, kind);
    set("canvas", { fill_image: await picturePng(fill), smooth: kind === "blur" });
    clear();
    await answer();
  }

  function resize() {
    const [left, top, size] = get("canvas", "box");
    const grown = get("size") - size;
    const room = network.side - get("size");
    const moved = [left, top].map((corner) => Math.min(Math.max(corner - Math.floor(grown / 2), 0), room));
    set("canvas", { box: [...moved, get("size")] });
    clear();
    return answer();
  }

  kernel.on("canvas", () => {
    if (map && get("canvas", "box")[2] !== map.size) clear();
    return answer();
  }, "box");
  kernel.on("size", resize);
  kernel.on("fill", newFill, "index");
  kernel.on(["target"], () => (clear(), answer()), "index");
  kernel.on("stride", () => (clear(), answer()));
  kernel.on("network_view", () => set("canvas", { view: get("network_view") ? "network" : "eye" }));
  kernel.on("show_map", paint, "index");
  kernel.on("stretch", paint);
  kernel.onClick("map_button", fillMap);
  kernel.onClick("stop_button", stop);
  kernel.onClick("jump_button", jump);
  await kernel.followPickers(refresh);
  await refresh();
  return { map: () => map, logits: () => logits, code };
}

const css = (colour) => `#${colour.slice(0, 3).map((part) => part.toString(16).padStart(2, "0")).join("")}`;

// The Grad-CAM explorer's answers: the class map of a layer, also with the object in front of other backgrounds.

import { bars, paragraphs, rest } from "./kernel.js";
import { argmax, once, softmax } from "./networks.js";
import { attributionTiles, describeMap, fromTheMiddle, mapTiles, maskOf, perPixel, picturePng, pixelsOf, rangeOf, rising, tileOf, tiles } from "./pictures.js";
import { call, snippet } from "./snippets.js";

const DISPLAY = 480;
const DEBOUNCE = 300; // milliseconds without a change after which the other scenes are computed too
const OUTLINE = "#ff4fa3";
const ELSEWHERE = "The same object elsewhere (click to go there)";

// A map at a larger side, bilinearly, as torch does it without aligned corners.
function resized(map, [rows, columns], side) {
  const along = (count) => Array.from({ length: side }, (_, i) => {
    const at = Math.max(((i + 0.5) * count) / side - 0.5, 0);
    const first = Math.floor(at);
    return [first, Math.min(first + 1, count - 1), at - first];
  });
  const [down, across] = [along(rows), along(columns)];
  const larger = new Float32Array(side * side);
  down.forEach(([top, bottom, low], y) => across.forEach(([left, right, far], x) => {
    const line = (row) => map[row * columns + left] * (1 - far) + map[row * columns + right] * far;
    larger[y * side + x] = line(top) * (1 - low) + line(bottom) * low;
  }));
  return larger;
}

// Places within `reach` pixels of the mask.
function grown(mask, side, reach) {
  const along = (from, step) => from.map((_, i) => {
    const place = Math.floor(i / step) % side;
    for (let k = -reach; k <= reach; k++) if (place + k >= 0 && place + k < side && from[i + k * step]) return true;
    return false;
  });
  return along(along(mask, 1), side);
}

// The picture with a white outline, edged in a dark line, around the mask.
function outlined({ side, pixels }, mask) {
  const [white, dark] = [grown(mask, side, 2), grown(mask, side, 4)];
  const area = side * side;
  return { side, pixels: pixels.map((value, i) => (mask[i % area] ? value : white[i % area] ? 1 : dark[i % area] ? 0 : value)) };
}

export async function start(kernel) {
  const { get, set } = { get: kernel.get.bind(kernel), set: kernel.set.bind(kernel) };
  let [network, picture, first, result] = []; // a result: { image, map, guided, logits, shares, target }
  let [run, scenes, subject, results, options] = [0, {}, "", {}, ""];
  let drawn = { images: [] }; // the pictures of the other scenes, and their tiles

  const oneHot = (target) => network.classes.map((_, i) => Number(i === target));

  // What networks have said of a picture is kept. One run makes the class maps of all layers: another layer needs none.
  const answers = new WeakMap();
  const keep = (image, key, make) => once(`${network.name} ${key}`, make, answers.get(image) ?? answers.set(image, new Map()).get(image));
  const predicted = (image) => keep(image, "predicts", async () => argmax((await network.logits([image]))[0]));
  const classMaps = (image, target) => keep(image, target, () => network.run("cams", { image: network.image(image), seed: network.seed(oneHot(target)) }));

  async function render(of) {
    const image = await of.at(network.side);
    const target = kernel.choice("target") ?? (await predicted(image));
    const name = kernel.choice("layer") ?? network.last_maps;
    const outputs = await classMaps(image, target);
    const guided = get("guided");
    let map = outputs[name].data;
    if (guided || get("relu")) map = map.map((value) => Math.max(value, 0));
    map = resized(map, network.layer(name).shape.slice(1), network.side);
    if (guided) {
      const fine = await network.gradient(image, oneHot(target), "guided backprop");
      const coarse = map;
      map = fine.map((value, i) => value * coarse[i % coarse.length]);
    }
    const logits = outputs.logits.data;
    return { image, map, guided, logits, shares: softmax(logits), target };
  }

  const says = ({ shares }) => `says ${network.classes[argmax(shares)]} (${shares[argmax(shares)].toFixed(2)})`;
  const values = ({ map, guided }) => (guided ? perPixel(map, false) : map);

  async function refresh() {
    [network, picture] = await Promise.all([kernel.network(), kernel.picture()]);
    scenes = picture.elsewhere ?? {};
    return compute();
  }

  // This picture at once, then the small ones: those of the other scenes that are known, and the rest while the controls rest.
  async function compute() {
    const mine = ++run;
    const made = await render(picture);
    if (mine !== run) return;
    result = made;
    const now = [network.name, Object.values(scenes)[0] ?? picture.name, picture.name === "own" ? picture.description : ""].join();
    const chosen = [now, kernel.choice("target"), kernel.choice("layer"), get("guided"), get("relu")].join();
    if (now !== subject) first = result;
    if (chosen !== options) results = {};
    [subject, options] = [now, chosen];
    set("relu", { disabled: get("guided") });
    await paint();
    others(mine);
  }

  async function others(mine) {
    await kernel.attempt(async () => {
      if (Object.keys(results).length || !Object.keys(scenes).length) await paintGrid(); // else the old ones stay for the moment
      await rest(DEBOUNCE);
      let painted = 0;
      for (const [scene, name] of Object.entries(scenes)) {
        if (mine !== run) return;
        results[scene] ??= await render(await kernel.named(name));
        if (performance.now() - painted < DEBOUNCE) continue;
        await paintGrid();
        painted = performance.now();
      }
      if (mine === run) await paintGrid();
    }, "meanwhile");
  }

  function overlayOf(shown) {
    const { side } = network;
    const maps = shown.map(({ map }) => map);
    if (shown[0].guided) return attributionTiles(maps, side, "picture", kernel.palettes);
    const ranges = maps.map(rangeOf);
    const limit = Math.max(...ranges.flat().map(Math.abs)) || 1;
    if (ranges.some(([low]) => low < 0)) return mapTiles(maps, [side, side], kernel.palettes.PuOr_r, -limit, limit, fromTheMiddle(0.5));
    return mapTiles(maps, [side, side], kernel.palettes.viridis, 0, limit, rising(0.4));
  }

  async function paint() {
    const truth = await picture.truth(network.side);
    set("show_mask", { disabled: !truth });
    set("main_view", { tiles: await tileOf(await shown()), overlay: await overlayOf([result]), captions: [says(result)] });
    set("finding", { value: paragraphs(describeMap(values(result), truth, picture.object)) });
    const elsewhere = Object.keys(scenes).length > 0;
    set("grid", { label: elsewhere ? explained() : "" });
    const names = elsewhere ? ["here", "in the first scene"] : ["this photograph"];
    set("bars", { series_names: names, entries: bars(result.shares, elsewhere ? first.shares : null, network.classes, result.target) });
    kernel.status(`${network.name} ${says(result)}; the map is of ${network.classes[result.target]}.`);
  }

  function explained() {
    if (network.classes.includes(picture.object)) return `${ELSEWHERE}; in a pink frame where the network does not say ${picture.object}`;
    return `${ELSEWHERE}; the network has no class ${picture.object}, so none is marked as wrong`;
  }

  async function shown() {
    if (!get("show_mask") || !picture.masked) return picture.eye;
    const eye = pixelsOf(await createImageBitmap(new Blob([picture.eye])), DISPLAY);
    return picturePng(outlined(eye, await maskOf(await picture.mask())));
  }

  async function paintGrid() {
    const there = Object.entries(results);
    if (!there.length) return set("grid", { tiles: {}, overlay: {}, labels: [] });
    const frame = [1, 1, network.side - 2, network.side - 2];
    const answers = there.map(([, { shares }]) => network.classes[argmax(shares)]);
    const isWrong = (said) => network.classes.includes(picture.object) && said !== picture.object;
    const images = there.map(([, { image }]) => image);
    if (images.some((image, i) => image !== drawn.images[i])) drawn = { images, tiles: await tiles(images) };
    return set("grid", {
      tiles: drawn.tiles,
      overlay: await overlayOf(there.map(([, one]) => one)),
      captions: there.map(([scene, one]) => `${scene}: ${says(one)}`),
      labels: there.map(([scene], tile) => `${scene}: ${answers[tile]}`),
      boxes: answers.flatMap((said, tile) => (isWrong(said) ? [{ tile, box: frame, colour: OUTLINE }] : [])),
    });
  }

  function code() {
    const asked = { target: kernel.choice("target"), layer: kernel.choice("layer") };
    if (!get("guided") && !get("relu")) asked.relu = false;
    return snippet(
      kernel.loading(),
      picture.code[network.side],
      `heatmap = attribution.${get("guided") ? "guided_grad_cam" : "grad_cam"}(model, image, ${call(asked)})`,
      "print(heatmap.max().item())",
    );
  }

  kernel.on(["layer", "target"], compute, "index");
  kernel.on(["guided", "relu"], compute);
  kernel.on("show_mask", paint);
  kernel.on("grid", () => {
    const name = scenes[Object.keys(results)[get("grid", "selected")]];
    if (!name) return undefined;
    kernel.chooseRendered(name);
    return refresh();
  }, "selected");
  await kernel.followPickers(refresh);
  await refresh();
  return { result: () => result, logits: () => result.logits, code };
}

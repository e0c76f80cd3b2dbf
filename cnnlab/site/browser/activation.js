// The activation explorer's answers: the maps of a layer, one of them enlarged, and the strongest patches of its unit.
//
// The patches were looked for when the site was built (`page_data.write_patches`): the page searches nothing.

import { latestOnly } from "./kernel.js";
import { argmax, file, once } from "./networks.js";
import { mapTiles, pixelsOf, rangeOf, rising, tileOf, tiles } from "./pictures.js";
import { snippet } from "./snippets.js";

const DISPLAY = 480;
const GRID = 48; // larger maps are reduced to this side in the grid
const STORED = 24; // patches of a unit
const OUTLINE = "#ff4fa3";

function meansOf(map, [height, width], [rows, columns]) {
  const ends = (i, from, to) => [Math.floor((i * from) / to), Math.ceil(((i + 1) * from) / to)];
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [[top, bottom], [left, right]] = [ends(Math.floor(i / columns), height, rows), ends(i % columns, width, columns)];
    let sum = 0;
    for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += map[y * width + x];
    return sum / ((bottom - top) * (right - left));
  });
}

// Rounded as Python does it: halves to the even number.
const toEven = (value) => (value % 1 === 0.5 ? 2 * Math.round(value / 2) : Math.round(value));

// The smallest and the largest value, always different.
function spread(values) {
  const [low, high] = rangeOf(values);
  return [low, Math.max(high, low + 1e-6)];
}

export async function start(kernel) {
  const { get, set } = { get: kernel.get.bind(kernel), set: kernel.set.bind(kernel) };
  let [network, picture, outputs, layer, maps, share, searched] = []; // maps: one array for each unit of the layer

  const size = () => [layer.shape[1] ?? 1, layer.shape[2] ?? 1];
  const position = () => get("map", "point").slice(1);
  const wholeLayer = () => kernel.option("scale") === "whole layer";
  const value = () => maps[get("channel")][position()[0] * size()[1] + position()[1]];

  async function refresh() {
    [network, picture] = await Promise.all([kernel.network(), kernel.picture()]);
    const inputs = { image: network.image(await picture.at(network.side)) };
    outputs = await network.run("maps", inputs);
    set("image_view", { tiles: await tileOf(picture.eye), label: picture.description });
    return newLayer();
  }

  function newLayer() {
    layer = network.layer(kernel.choice("layer"));
    const { data } = outputs[layer.name];
    const area = size()[0] * size()[1];
    maps = Array.from({ length: layer.shape[0] }, (_, unit) => data.subarray(unit * area, (unit + 1) * area));
    set("channel", { max: maps.length - 1, value: Math.min(get("channel"), maps.length - 1) });
    set("map", { point: [0, ...firstPosition(maps[get("channel")])] });
    return drawGrid();
  }

  // The place at the same share of the map's sides as before; its maximum, if the unit is silent there but not elsewhere.
  function firstPosition(map) {
    const [rows, columns] = size();
    if (share) {
      const place = [toEven(share[0] * (rows - 1)), toEven(share[1] * (columns - 1))];
      if (map[place[0] * columns + place[1]] > 0 || rangeOf(map)[1] <= 0) return place;
    }
    const best = argmax(map);
    return [Math.floor(best / columns), best % columns];
  }

  const drawGrid = latestOnly(async () => {
    const small = size().map((side) => (Math.max(...size()) > GRID ? GRID : side));
    let drawn = Math.max(...size()) > GRID ? maps.map((map) => meansOf(map, size(), small)) : maps;
    if (!wholeLayer()) {
      drawn = drawn.map((map) => {
        const [low, high] = rangeOf(map);
        return map.map((one) => (one - low) / Math.max(high - low, 1e-6));
      });
    }
    const range = drawn.reduce(([low, high], map) => {
      const [least, most] = rangeOf(map);
      return [Math.min(low, least), Math.max(high, most)];
    }, [Infinity, -Infinity]);
    set("grid", {
      columns: maps.length <= 64 ? 8 : 6,
      tiles: await mapTiles(drawn, small, kernel.palettes[palette()], ...spread(range)),
      captions: maps.map((map, i) => `channel ${i}, at most ${rangeOf(map)[1].toFixed(2)}`),
      label: `${layer.name}: ${maps.length} maps of ${size().join(" x ")}`,
    });
    return newChannel();
  });

  const palette = () => ["gray", "viridis"][get("colormap", "index")];

  async function newChannel() {
    set("grid", { selected: get("channel") });
    await showMap();
    return showPatches();
  }

  const showMap = latestOnly(async () => {
    const map = maps[get("channel")];
    const [low, high] = spread(wholeLayer() ? outputs[layer.name].data : map);
    const hasPlaces = size().join() !== "1,1";
    const [drawn, overlay] = await Promise.all([
      mapTiles([map], size(), kernel.palettes[palette()], low, high),
      hasPlaces ? mapTiles([enlarged(map)], [DISPLAY / 2, DISPLAY / 2], kernel.palettes.magma, ...spread(rangeOf(map).map((one) => Math.max(one, 0))), rising(1)) : {},
    ]);
    set("map", { tiles: drawn, label: `${layer.name}, channel ${get("channel")}; from ${low.toFixed(2)} to ${high.toFixed(2)}` });
    set("image_view", { overlay });
    showPosition();
  });

  function enlarged(map) {
    const [[rows, columns], side] = [size(), DISPLAY / 2];
    return new Float32Array(side * side).map((_, i) => map[Math.floor((Math.floor(i / side) * rows) / side) * columns + Math.floor(((i % side) * columns) / side)]);
  }

  function box(row, column) {
    if (!layer.rows) return null;
    const [[top, bottom], [left, right]] = [layer.rows[Math.min(row, layer.rows.length - 1)], layer.columns[Math.min(column, layer.columns.length - 1)]];
    return bottom && right ? [top, left, bottom, right] : [0, 0, 0, 0];
  }

  function showPosition() {
    const [[row, column], [rows, columns]] = [position(), size()];
    if (rows > 1 && columns > 1) share = [row / (rows - 1), column / (columns - 1)];
    const [field, said] = [box(row, column), value().toFixed(3)];
    const whole = field && field[2] - field[0] === network.side && field[3] - field[1] === network.side;
    const text = !field ? "what it sees is not known"
      : whole ? "it sees the whole picture"
        : `it sees rows ${field[0]} to ${field[2] - 1}, columns ${field[1]} to ${field[3] - 1}`;
    set("map", { readout: `row ${row}, column ${column}: ${said}` });
    const [top, left, bottom, right] = (field ?? []).map((place) => Math.round((place * DISPLAY) / network.side));
    const frame = { tile: 0, box: [top, left, bottom - top, right - left], colour: OUTLINE };
    set("image_view", { readout: text, boxes: field && !whole ? [frame] : [] });
    kernel.status(`${network.name}, ${layer.name}, channel ${get("channel")} at row ${row}, column ${column}: ${said}; ${text}.`);
  }

  // The strongest patches of the unit, cut from their pictures.
  async function showPatches() {
    const [unit, of] = [get("channel"), layer];
    const folder = new URL(`patches/${network.name}/`, kernel.here);
    const [listed, content] = await Promise.all([
      once(`${folder}`, async () => (await file(new URL("list.json", folder))).json()),
      once(`${folder}${of.name}`, async () => (await file(new URL(`${of.name}.bin`, folder))).arrayBuffer()),
    ]);
    const total = of.shape[0] * STORED;
    const part = (Kind, start) => new Kind(content, start, total).subarray(unit * STORED, unit * STORED + get("n_patches"));
    const [values, pictures, places] = [part(Float32Array, 0), part(Uint16Array, 4 * total), part(Uint16Array, 6 * total)];
    const cut = await Promise.all(Array.from(pictures, async (index, rank) => {
      const source = await once(`${folder}${index}`, async () => createImageBitmap(await (await file(new URL(`${index}.jpg`, folder))).blob()));
      return patch(source, places[rank]);
    }));
    if (unit !== get("channel") || of !== layer) return; // another unit was chosen meanwhile
    const names = listed.descriptions;
    searched = listed.code;
    set("patch_grid", {
      tiles: await tiles(cut),
      captions: cut.map((_, rank) => `${rank + 1}. ${names[pictures[rank]]}, ${values[rank].toFixed(2)}`),
      label: `what excites channel ${unit} most in ${names.length} pictures`,
    });
  }

  // What the unit sees at a place of its map; pale grey beyond the picture's edge.
  function patch(source, place) {
    const seen = box(Math.floor(place / size()[1]), place % size()[1]) ?? [0, 0, network.side, network.side];
    const [top, left, bottom, right] = seen;
    const longest = (lines) => Math.max(...(lines ?? [[0, network.side]]).map(([first, last]) => last - first));
    const side = Math.max(longest(layer.rows), longest(layer.columns));
    const canvas = new OffscreenCanvas(side, side);
    const pen = canvas.getContext("2d");
    pen.fillStyle = "rgb(217, 217, 217)";
    pen.fillRect(0, 0, side, side);
    const [high, wide] = [bottom - top, right - left];
    pen.drawImage(source, left, top, wide, high, left ? 0 : side - wide, top ? 0 : side - high, wide, high);
    return pixelsOf(canvas, side);
  }

  function code() {
    const [row, column] = position();
    const name = layer.name;
    const place = size().join() === "1,1" ? [get("channel")] : [get("channel"), row, column];
    return snippet(
      kernel.loading(),
      picture.code[network.side],
      `maps = networks.activations(model, image, "${name}")["${name}"]`,
      `print(maps[${place.join(", ")}].item())`,
      `box = networks.receptive_field(model, "${name}", ${network.side}).box(${place.slice(1).join(", ") || "0, 0"})`,
      ...searched,
      `patches = units.top_patches(model, pictures, "${name}", k=${get("n_patches")}, units=[${get("channel")}])`,
    );
  }

  kernel.on("layer", newLayer, "index");
  kernel.on("channel", newChannel);
  kernel.on(["colormap", "scale"], drawGrid, "index");
  kernel.on("n_patches", showPatches);
  kernel.on("grid", () => {
    if (get("grid", "selected") < 0) return undefined;
    set("channel", { value: get("grid", "selected") });
    return newChannel();
  }, "selected");
  kernel.on("map", showPosition, "point");
  await kernel.followPickers(refresh);
  await refresh();
  return { maps: () => maps, layer: () => layer, logits: () => outputs.logits.data, code };
}

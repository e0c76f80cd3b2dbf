// The stage: one picture, drawn large, and an occluder on it that pointer and keys move.
//
// The picture's own pixels (`side` x `side`, what the network sees) are the unit of everything here: box = [left, top, size].
// Moves are drawn here at once and sent as one compound trait; the kernel's answer comes back later in `result`.

const SMALLEST = 2; // side of the smallest occluder, in the network's pixels
const GRIP = 11; // how near to a corner, in CSS pixels, the pointer takes hold of it
const LATE = 300; // after so many milliseconds without an answer the read-out says that it waits

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FAR = { Home: [-1, 0], End: [1, 0], PageUp: [0, -1], PageDown: [0, 1] };
const LAYERS = { mask: ["halo", "line"], overlay: ["overlay"] }; // what is drawn from a bitmap and kept
const GROWTH = { "+": 1, "=": 1, "-": -1, _: -1 };

// A box that lies within the picture: whole pixels, no larger than it, not over its border.
function fit([left, top, size], side) {
  const s = clamp(Math.round(size), Math.min(SMALLEST, side), side);
  return [clamp(Math.round(left), 0, side - s), clamp(Math.round(top), 0, side - s), s];
}

// Where the cells of a map lie: each place of the occluder owns the ground about its centre, halfway to the next.
function edges(starts, size, side) {
  const centres = starts.map((start) => start + size / 2);
  const middles = centres.slice(1).map((centre, i) => (centre + centres[i]) / 2);
  const reach = centres.length > 1 ? (centres[1] - centres[0]) / 2 : size / 2;
  return [Math.max(0, centres[0] - reach), ...middles, Math.min(side, centres[centres.length - 1] + reach)];
}

function surface(width, height = width) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  return canvas;
}

// A line about the opaque part of `shape`, as wide as `width`: the shape pushed outwards in all directions, less the shape.
function outline(shape, pixels, width, colour) {
  const line = surface(pixels);
  const pen = line.getContext("2d");
  for (let i = 0; i < 16; i++) {
    const angle = (i * Math.PI) / 8;
    pen.drawImage(shape, width * Math.cos(angle), width * Math.sin(angle), pixels, pixels);
  }
  pen.globalCompositeOperation = "destination-out";
  pen.drawImage(shape, 0, 0, pixels, pixels);
  pen.globalCompositeOperation = "source-in";
  pen.fillStyle = colour;
  pen.fillRect(0, 0, pixels, pixels);
  return line;
}

// The map, one colour a place, spread over the ground that the places own. Transparent entries are not computed yet.
function spread(bitmap, { rows, columns, size }, side, pixels) {
  const small = surface(columns.length, rows.length).getContext("2d", { willReadFrequently: true });
  small.drawImage(bitmap, 0, 0);
  const colours = small.getImageData(0, 0, columns.length, rows.length).data;
  const scale = (at) => Math.round((at * pixels) / side);
  const [down, right] = [edges(rows, size, side).map(scale), edges(columns, size, side).map(scale)];
  const large = surface(pixels);
  const pen = large.getContext("2d");
  for (let r = 0, i = 0; r < rows.length; r++) {
    for (let c = 0; c < columns.length; c++, i += 4) {
      if (!colours[i + 3]) continue;
      pen.fillStyle = `rgb(${colours[i]} ${colours[i + 1]} ${colours[i + 2]} / ${colours[i + 3] / 255})`;
      pen.fillRect(right[c], down[r], right[c + 1] - right[c], down[r + 1] - down[r]);
    }
  }
  return large;
}

function render({ model, el }) {
  const get = (name) => model.get(name);
  const sheet = make(el, "div", "cnnlab-stage");
  const frame = make(sheet, "div", "cnnlab-stage-frame");
  const canvas = make(frame, "canvas", "cnnlab-stage-canvas", { tabindex: 0, role: "application" });
  canvas.setAttribute("aria-roledescription", `picture with ${get("cover") === "occluder" ? "an" : "a"} ${get("cover")}`);
  canvas.setAttribute("aria-keyshortcuts", "ArrowLeft ArrowRight ArrowUp ArrowDown + - Space");
  const badge = make(frame, "div", "cnnlab-stage-badge", { "aria-hidden": "true" });
  const legend = make(sheet, "div", "cnnlab-legend");
  const strip = make(sheet, "div", "cnnlab-stage-strip");
  const thumb = make(strip, "canvas", "cnnlab-stage-thumb", { role: "img" });
  const readout = make(strip, "div", "cnnlab-readout");
  const number = make(readout, "div", "cnnlab-readout-number");
  const verdict = make(readout, "div", "cnnlab-readout-verdict");
  const place = make(readout, "div", "cnnlab-readout-place");
  const spoken = make(sheet, "div", "cnnlab-unseen", { role: "status", "aria-live": "polite" });
  const hint = make(sheet, "div", "cnnlab-hint", { id: `cnnlab-hint-${Math.random().toString(36).slice(2)}` });
  canvas.setAttribute("aria-describedby", hint.id);
  hint.innerHTML =
    "drag · <kbd>←</kbd><kbd>↑</kbd><kbd>↓</kbd><kbd>→</kbd> one stride, with <kbd>Shift</kbd> one pixel · " +
    "<kbd>+</kbd> <kbd>−</kbd> or a corner: size · <kbd>Space</kbd> looks beneath";

  const pen = canvas.getContext("2d");
  const bitmaps = { eye: null, network: null, mask: null, filling: null, overlay: null };
  let box = get("box");
  let grip = null; // what the pointer holds
  let lifted = false; // the occluder is taken away as long as Space is held
  let layers = {}; // what is derived from the bitmaps at the canvas's present size
  let ground = {}; // the places of the overlay's cells
  let frameAsked = 0;
  let lateTimer = 0;
  let speechTimer = 0;

  const colour = (name, otherwise) => getComputedStyle(sheet).getPropertyValue(name).trim() || otherwise;

  function drawPicture(pixels) {
    const large = get("view") === "network" ? null : bitmaps.eye;
    const picture = large ?? bitmaps.network;
    if (!picture) return;
    pen.imageSmoothingEnabled = Boolean(large);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(picture, 0, 0, pixels, pixels);
  }

  // The part of the filling that is seen: all of it, or what lies behind the window.
  function filled([left, top, size]) {
    const { width, height } = bitmaps.filling;
    const f = width / get("side");
    return get("moving_fill") ? [0, 0, width, height] : [left * f, top * f, size * f, size * f];
  }

  function drawWindow(pixels) {
    if (lifted || !bitmaps.filling) return;
    const [left, top, size] = box;
    const k = pixels / get("side");
    pen.imageSmoothingEnabled = get("moving_fill") || (get("smooth") && get("view") !== "network");
    pen.drawImage(bitmaps.filling, ...filled(box), left * k, top * k, size * k, size * k);
  }

  function drawOverlay(pixels) {
    if (!get("show_map") || !bitmaps.overlay) return;
    layers.overlay ??= spread(bitmaps.overlay, ground, get("side"), pixels);
    pen.globalAlpha = get("opacity");
    pen.drawImage(layers.overlay, 0, 0);
    pen.globalAlpha = 1;
  }

  function drawOutline(pixels, dpr) {
    if (!get("show_mask") || !bitmaps.mask) return;
    layers.halo ??= outline(bitmaps.mask, pixels, 3.4 * dpr, "rgba(0, 0, 0, 0.55)");
    layers.line ??= outline(bitmaps.mask, pixels, 2.2 * dpr, "#ff4fa3");
    pen.drawImage(layers.halo, 0, 0);
    pen.drawImage(layers.line, 0, 0);
  }

  function drawFrame(pixels, dpr) {
    const k = pixels / get("side");
    const edge = 2 * dpr; // a frame at the border stays visible
    const [x, y] = [box[0] * k, box[1] * k].map((at) => clamp(at, edge, pixels));
    const [right, below] = [box[0] + box[2], box[1] + box[2]].map((at) => clamp(at * k, 0, pixels - edge));
    const focused = document.activeElement === canvas;
    const line = (width, style) => {
      pen.lineWidth = width * dpr;
      pen.strokeStyle = style;
      pen.strokeRect(x, y, right - x, below - y);
    };
    pen.setLineDash(lifted ? [6 * dpr, 5 * dpr] : []);
    line(focused ? 5 : 4, "rgba(0, 0, 0, 0.55)");
    line(focused ? 2.5 : 2, focused ? colour("--cnnlab-accent", "#1976d2") : "#ffffff");
    pen.setLineDash([]);
    pen.fillStyle = "#ffffff";
    pen.strokeStyle = "rgba(0, 0, 0, 0.7)";
    pen.lineWidth = 1.2 * dpr;
    const half = 4 * dpr;
    for (const [cx, cy] of [[x, y], [right, y], [x, below], [right, below]]) {
      pen.beginPath();
      pen.rect(clamp(cx - half, 0, pixels - 2 * half), clamp(cy - half, 0, pixels - 2 * half), 2 * half, 2 * half);
      pen.fill();
      pen.stroke();
    }
    if (get("show_map")) drawCentre((x + right) / 2, (y + below) / 2, dpr);
  }

  // A map's number for this occluder stands at its centre.
  function drawCentre(x, y, dpr) {
    for (const [width, style] of [[3.5, "rgba(0, 0, 0, 0.6)"], [1.5, "#ffffff"]]) {
      pen.lineWidth = width * dpr;
      pen.strokeStyle = style;
      pen.beginPath();
      pen.moveTo(x - 5 * dpr, y);
      pen.lineTo(x + 5 * dpr, y);
      pen.moveTo(x, y - 5 * dpr);
      pen.lineTo(x, y + 5 * dpr);
      pen.stroke();
    }
  }

  function drawThumb() {
    const side = bitmaps.network?.width;
    if (!side) return;
    if (thumb.width !== side) [thumb.width, thumb.height] = [side, side];
    const small = thumb.getContext("2d");
    small.drawImage(bitmaps.network, 0, 0);
    const [left, top, size] = box;
    if (bitmaps.filling && !lifted) small.drawImage(bitmaps.filling, ...filled(box), left, top, size, size);
  }

  function draw() {
    frameAsked = 0;
    const dpr = window.devicePixelRatio || 1;
    const pixels = Math.round(canvas.clientWidth * dpr);
    if (!pixels) return; // not laid out yet: the observer of its size draws it then
    if (canvas.width !== pixels) {
      [canvas.width, canvas.height] = [pixels, pixels];
      layers = {};
    }
    drawPicture(pixels);
    drawWindow(pixels);
    drawOverlay(pixels);
    drawOutline(pixels, dpr);
    drawFrame(pixels, dpr);
    drawThumb();
    canvas.dataset.drawn = Number(canvas.dataset.drawn || 0) + 1;
  }

  const redraw = () => (frameAsked ||= requestAnimationFrame(draw));

  // What is new is decoded together and swapped at once, so that no half-changed picture is ever shown.
  const awaited = new Set();
  let loading = false;
  async function load(...names) {
    names.forEach((name) => awaited.add(name));
    if (loading) return;
    loading = true;
    await null; // all changes of one message have arrived after this
    while (awaited.size) {
      const batch = [...awaited];
      awaited.clear();
      const [{ png, ...places }, filling] = [get("overlay"), get("fill_image")];
      const sources = { ...get("picture"), filling, overlay: png };
      const fresh = await Promise.all(batch.map((name) => decode(sources[name])));
      batch.forEach((name, i) => {
        bitmaps[name]?.close();
        bitmaps[name] = fresh[i];
        LAYERS[name]?.forEach((layer) => delete layers[layer]);
      });
      if (batch.includes("overlay")) ground = places;
    }
    loading = false;
    redraw();
  }

  function showPlace() {
    const [left, top, size] = box;
    place.textContent = `${size} × ${size} pixels, row ${top}, column ${left}`;
    canvas.setAttribute("aria-label", `${get("label")}, ${get("cover")} of ${size} pixels at row ${top}, column ${left}`);
  }

  function showAnswer() {
    const { name, now, before, says } = get("result");
    clearTimeout(lateTimer);
    readout.classList.remove("cnnlab-late");
    if (name === undefined) return;
    const change = now - before;
    number.innerHTML = "";
    make(number, "span", "cnnlab-readout-name").textContent = name;
    make(number, "span", "cnnlab-readout-now").textContent = now.toFixed(2);
    const by = make(number, "span", `cnnlab-readout-change ${change < -0.05 ? "cnnlab-down" : ""}`);
    by.textContent = Math.abs(change) < 0.005 ? "unchanged" : `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(2)}`;
    by.title = `uncovered: ${before.toFixed(2)}`;
    verdict.textContent = says;
    verdict.classList.toggle("cnnlab-flipped", Boolean(get("result").flipped));
    clearTimeout(speechTimer); // a screen reader hears the answer once the occluder rests
    speechTimer = setTimeout(() => {
      spoken.textContent = `${name} ${now.toFixed(2)}, uncovered ${before.toFixed(2)}. ${says}. ${place.textContent}.`;
    }, 600);
  }

  function showLegend() {
    const { kind, low, high, mark, colours, note, entries } = get("legend");
    legend.replaceChildren();
    legend.hidden = !kind || !get("show_map");
    if (legend.hidden) return;
    make(legend, "span", "cnnlab-legend-note").textContent = note;
    if (kind === "scale") {
      make(legend, "span", "cnnlab-legend-end").textContent = low.toFixed(2);
      const bar = make(legend, "span", "cnnlab-legend-bar", { role: "img", "aria-label": `colours from ${low} to ${high}` });
      bar.style.background = `linear-gradient(to right, ${colours.join(", ")})`;
      if (mark >= low && mark <= high) {
        const tick = make(bar, "span", "cnnlab-legend-tick", { title: `uncovered: ${mark.toFixed(2)}` });
        tick.style.left = `${(100 * (mark - low)) / (high - low || 1)}%`;
      }
      make(legend, "span", "cnnlab-legend-end").textContent = high.toFixed(2);
    }
    for (const entry of entries ?? []) {
      const item = make(legend, "span", "cnnlab-legend-entry");
      make(item, "span", "cnnlab-legend-dot").style.background = entry.colour;
      item.append(`${entry.name} ${entry.share}`);
    }
  }

  function move(next) {
    const fitted = fit(next, get("side"));
    if (fitted.every((value, i) => value === box[i])) return;
    box = fitted;
    model.set("box", box);
    model.save_changes();
    showPlace();
    redraw();
    clearTimeout(lateTimer);
    lateTimer = setTimeout(() => readout.classList.add("cnnlab-late"), LATE);
  }

  function locate(event) {
    const bounds = canvas.getBoundingClientRect();
    const k = get("side") / bounds.width;
    return [(event.clientX - bounds.left) * k, (event.clientY - bounds.top) * k, GRIP * k];
  }

  function under(event) {
    const [x, y, reach] = locate(event);
    const [left, top, size] = box;
    for (const [dx, dy] of [[1, 1], [0, 0], [1, 0], [0, 1]]) {
      const near = Math.max(Math.abs(x - left - dx * size), Math.abs(y - top - dy * size)) < Math.min(reach, size / 3 + reach / 2);
      if (near) return { kind: "resize", anchor: [left + (1 - dx) * size, top + (1 - dy) * size], towards: [dx, dy] };
    }
    const inside = x >= left && x < left + size && y >= top && y < top + size;
    return { kind: inside ? "move" : "jump", offset: inside ? [x - left, y - top] : [size / 2, size / 2] };
  }

  function follow(event) {
    const [x, y] = locate(event);
    if (grip.kind !== "resize") return move([x - grip.offset[0], y - grip.offset[1], box[2]]);
    const [ax, ay] = grip.anchor;
    const [right, below] = grip.towards;
    const side = get("side");
    const room = Math.min(right ? side - ax : ax, below ? side - ay : ay);
    const size = clamp(Math.round(Math.max(right ? x - ax : ax - x, below ? y - ay : ay - y)), SMALLEST, room);
    move([right ? ax : ax - size, below ? ay : ay - size, size]);
  }

  const CURSORS = { move: "grab", jump: "crosshair" };
  function hover(event) {
    const target = under(event);
    const diagonal = target.towards && (target.towards[0] === target.towards[1] ? "nwse-resize" : "nesw-resize");
    canvas.style.cursor = diagonal ?? CURSORS[target.kind];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault(); // no selection of text; the focus is set by hand
    canvas.focus({ preventScroll: true });
    grip = under(event);
    canvas.setPointerCapture(event.pointerId);
    if (grip.kind === "jump") follow(event);
    if (grip.kind !== "resize") canvas.style.cursor = "grabbing";
  });
  canvas.addEventListener("pointermove", (event) => (grip ? follow(event) : hover(event)));
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(end, (event) => {
      grip = null;
      hover(event);
    });
  }

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [left, top, size] = box;
    const { key } = event;
    const step = event.shiftKey ? 1 : get("stride");
    const side = get("side");
    if (ARROWS[key]) move([left + step * ARROWS[key][0], top + step * ARROWS[key][1], size]);
    else if (FAR[key]) move([left + side * FAR[key][0], top + side * FAR[key][1], size]);
    else if (GROWTH[key]) move([left - GROWTH[key], top - GROWTH[key], size + 2 * GROWTH[key]]);
    else if (key === " ") lift(true);
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("keyup", (event) => event.key === " " && lift(false));
  canvas.addEventListener("focus", redraw);
  canvas.addEventListener("blur", () => {
    lift(false);
    redraw();
  });

  function lift(up) {
    lifted = up;
    redraw();
  }

  function showView() {
    const side = get("side");
    const network = get("view") === "network";
    badge.textContent = network ? `what the network sees: ${side} × ${side}` : "";
    thumb.setAttribute("aria-label", `What the network sees: ${get("label")}, ${side} by ${side} pixels, partly covered`);
    thumb.title = `What the network sees: ${side} × ${side} pixels`;
    redraw();
  }

  function takeBox() {
    if (grip) return; // the hand is ahead of the kernel
    box = get("box");
    showPlace();
    redraw();
  }

  const listeners = {
    "change:picture": () => load("eye", "network", "mask"),
    "change:fill_image": () => load("filling"),
    "change:overlay": () => load("overlay"),
    "change:box": takeBox,
    "change:side": () => (showView(), showPlace()),
    "change:label": () => (showView(), showPlace()),
    "change:view": showView,
    "change:result": showAnswer,
    "change:legend": showLegend,
    "change:show_map": () => (showLegend(), redraw()),
    "change:show_mask": redraw,
    "change:opacity": redraw,
  };
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);

  const watcher = new ResizeObserver(redraw);
  watcher.observe(canvas);
  showView();
  showPlace();
  showAnswer();
  showLegend();
  load(...Object.keys(bitmaps));

  return () => {
    watcher.disconnect();
    cancelAnimationFrame(frameAsked);
    [lateTimer, speechTimer].forEach(clearTimeout);
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
    Object.values(bitmaps).forEach((bitmap) => bitmap?.close());
  };
}

export default { render };

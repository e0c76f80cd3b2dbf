// The sheet: small pictures in a grid (filters, maps, patches, neighbours ...), of which pointer and keys choose one, or one pixel in one.
//
// Tiles come as one picture, the atlas, and are cut from it here; places are [tile, row, column] in the tiles' own pixels. What is
// chosen is drawn at once and sent as one trait; the kernel's words on it come back in `readout`.

const GAP = 4; // between two tiles, in CSS pixels
const TALLEST = 500; // a grid that is much taller scrolls, in CSS pixels
const LETTERS = 12; // height of the words under a tile, in CSS pixels
const LINE = 15; // and of a line of them
const REST = 600; // a screen reader hears the answer once the choice rests for so many milliseconds

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

function render({ model, el }) {
  const get = (name) => model.get(name);
  const frame = make(el, "div", "cnnlab-sheet");
  const title = make(frame, "div", "cnnlab-sheet-title");
  const view = make(frame, "div", "cnnlab-sheet-view");
  const canvas = make(view, "canvas", "cnnlab-sheet-canvas", { tabindex: 0, role: "application" });
  canvas.setAttribute("aria-roledescription", "grid of pictures");
  const readout = make(frame, "div", "cnnlab-sheet-readout");
  const spoken = make(frame, "div", "cnnlab-unseen", { role: "status", "aria-live": "polite" });
  const pen = canvas.getContext("2d");
  let [atlas, overlay] = [null, null];
  let hovered = -1;
  let [frameAsked, speechTimer, newest] = [0, 0, 0];
  let sought = false; // the chosen tile is to be scrolled into view once the tiles are laid out

  const byPixel = () => get("pick") === "pixel";
  // Rows and columns of the places in a tile: its own pixels, or a coarser raster.
  const places = () => (get("places").length ? get("places") : [get("tiles").height ?? 1, get("tiles").width ?? 1]);
  const chosen = () => (byPixel() ? get("point")[0] : get("selected"));

  // Where tiles lie, in CSS pixels: from the width of the canvas, the number of columns and the tiles' own size.
  function layout() {
    const { width = 1, height = 1, count = 0 } = get("tiles");
    const fitting = get("min_tile_size") ? Math.floor((canvas.clientWidth + GAP) / (get("min_tile_size") + GAP)) : count;
    const columns = Math.max(1, Math.min(get("columns"), count || 1, fitting));
    const across = Math.min((canvas.clientWidth - GAP * (columns - 1)) / columns, get("max_tile_size"));
    const down = (across * height) / width;
    const lines = get("labels").map((words) => wrapped(words, across));
    const step = down + GAP + LINE * Math.max(0, ...lines.map((of) => of.length)); // from row to row
    return { width, height, count, columns, across, down, step, lines, rows: Math.ceil(count / columns), scale: across / width };
  }

  const face = (size) => (pen.font = `${size}px ${getComputedStyle(frame).fontFamily || "sans-serif"}`);

  // Words in at most two lines of this width; what has no room is left out, with a sign.
  function wrapped(words, across) {
    face(LETTERS);
    const fits = (line) => pen.measureText(line).width <= across;
    const lines = [""];
    for (const word of words.split(" ")) {
      const longer = `${lines.at(-1)} ${word}`.trim();
      if (fits(longer) || !lines.at(-1) || lines.length === 2) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    return lines.map((line) => {
      let kept = line;
      while (!fits(kept) && kept.length > 2) kept = `${kept.slice(0, -2)}…`;
      return kept;
    });
  }

  const corner = ({ columns, across, step }, tile) => [(tile % columns) * (across + GAP), Math.floor(tile / columns) * step];

  function cut(picture, from, tile, plan, dpr) {
    const [x, y] = corner(plan, tile);
    const [sx, sy] = [(tile % from.columns) * from.width, Math.floor(tile / from.columns) * from.height];
    const place = [x, y, plan.across, plan.down].map((value) => Math.round(value * dpr));
    pen.drawImage(picture, sx, sy, from.width, from.height, ...place);
  }

  function strokeBox([x, y, width, height], colour, dpr, { thick = 2, dashed = false } = {}) {
    for (const [line, style, dashes] of [[thick + 2, "rgba(0, 0, 0, 0.65)", []], [thick, colour, dashed ? [6 * dpr, 5 * dpr] : []]]) {
      pen.lineWidth = line * dpr;
      pen.strokeStyle = style;
      pen.setLineDash(dashes);
      pen.strokeRect(x * dpr, y * dpr, width * dpr, height * dpr);
    }
    pen.setLineDash([]);
  }

  // Nothing to show: what was shown before must not stay.
  function clear() {
    view.classList.remove("cnnlab-sheet-scrolls");
    view.style.maxHeight = "";
    canvas.style.height = "0";
    [canvas.width, canvas.height] = [0, 0];
  }

  function draw() {
    frameAsked = 0;
    const dpr = window.devicePixelRatio || 1;
    const plan = layout();
    if (!canvas.clientWidth) return;
    if (!atlas || !plan.count) return clear();
    const tall = Math.ceil(plan.rows * plan.step - GAP);
    const tooTall = tall > 1.2 * TALLEST;
    if (tooTall && !view.classList.contains("cnnlab-sheet-scrolls")) {
      view.classList.add("cnnlab-sheet-scrolls"); // its bar takes some of the width, so the tiles are laid out again
      return redraw();
    }
    const scrolls = tooTall || (tall > TALLEST && view.classList.contains("cnnlab-sheet-scrolls")); // not back and forth where the bar decides
    view.classList.toggle("cnnlab-sheet-scrolls", scrolls);
    // Half a picture at the end says that there are more; words are not cut.
    const rows = Math.max(1, Math.floor((TALLEST - plan.down / 2) / plan.step));
    view.style.maxHeight = scrolls ? `${Math.round(rows * plan.step + plan.down / 2)}px` : "";
    canvas.style.height = `${tall}px`;
    const [wide, high] = [Math.round(canvas.clientWidth * dpr), Math.round(tall * dpr)];
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    pen.clearRect(0, 0, wide, high);
    pen.imageSmoothingEnabled = get("smooth");
    pen.imageSmoothingQuality = "high";
    for (let tile = 0; tile < plan.count; tile++) cut(atlas, get("tiles"), tile, plan, dpr);
    if (overlay) {
      pen.globalAlpha = get("opacity");
      for (let tile = 0; tile < plan.count; tile++) cut(overlay, get("overlay"), tile, plan, dpr);
      pen.globalAlpha = 1;
    }
    pen.fillStyle = getComputedStyle(frame).color;
    face(LETTERS * dpr);
    plan.lines.slice(0, plan.count).forEach((lines, tile) => {
      const [x, y] = corner(plan, tile);
      lines.forEach((line, n) => pen.fillText(line, x * dpr, (y + plan.down + LINE * (n + 0.8)) * dpr));
    });
    for (const { tile, box, colour = "#ffffff", dashed } of get("boxes")) {
      const [x, y] = corner(plan, tile);
      const [top, left, height, width] = box.map((value) => value * plan.scale);
      strokeBox([x + left, y + top, width, height], colour, dpr, { dashed });
    }
    const tile = chosen();
    if (tile >= 0 && tile < plan.count) {
      const [x, y] = corner(plan, tile);
      const accent = getComputedStyle(frame).getPropertyValue("--cnnlab-accent").trim() || "#1976d2";
      if (!byPixel() && plan.count > 1) strokeBox([x + 1, y + 1, plan.across - 2, plan.down - 2], accent, dpr, { thick: 3 }); // the only one is no choice
      else if (byPixel()) {
        const [, row, column] = get("point");
        const [high, wide] = [plan.down / places()[0], plan.across / places()[1]];
        strokeBox([x + column * wide, y + row * high, wide, high], accent, dpr);
      }
    }
    if (sought) reveal();
    sought = false;
    canvas.dataset.drawn = Number(canvas.dataset.drawn || 0) + 1;
  }

  const redraw = () => (frameAsked ||= requestAnimationFrame(draw));

  // Scrolls no more than it must for the chosen tile to be seen, and only this grid, not the page.
  function reveal() {
    const plan = layout();
    if (chosen() < 0 || !plan.count) return;
    const top = corner(plan, chosen())[1];
    const high = plan.step - GAP;
    if (high <= view.clientHeight) view.scrollTop = clamp(view.scrollTop, top + high - view.clientHeight, top);
  }

  async function load() {
    const mine = ++newest;
    await null; // all changes of one message have arrived after this
    const fresh = await Promise.all([decode(get("tiles").png), decode(get("overlay").png)]);
    if (mine !== newest) return fresh.forEach((bitmap) => bitmap?.close()); // a newer one is on its way
    [atlas, overlay].forEach((bitmap) => bitmap?.close());
    [atlas, overlay] = fresh;
    sought = true;
    tell();
    redraw();
  }

  function tell() {
    const tile = hovered >= 0 ? hovered : chosen();
    const caption = get("captions")[tile] ?? "";
    const answer = hovered >= 0 && hovered !== chosen() ? "" : get("readout");
    title.textContent = get("label");
    const words = [caption, answer].filter(Boolean).join(": ");
    readout.textContent = [get("label"), get("labels")[tile]].includes(caption) ? answer : words; // what stands above or under it already
    const place = byPixel() && tile >= 0 ? `, row ${get("point")[1]}, column ${get("point")[2]}` : "";
    const count = get("tiles").count ?? 0;
    canvas.setAttribute("aria-label", `${get("label")}, ${count} ${count === 1 ? "picture" : "pictures"}; chosen: ${get("captions")[chosen()] || "none"}${place}`);
    clearTimeout(speechTimer);
    speechTimer = setTimeout(() => (spoken.textContent = words), REST);
  }

  function choose(tile, row, column) {
    const { count } = layout();
    if (!count) return;
    tile = clamp(tile, 0, count - 1);
    if (byPixel()) model.set("point", [tile, clamp(row, 0, places()[0] - 1), clamp(column, 0, places()[1] - 1)]);
    else model.set("selected", tile);
    model.save_changes();
    tell();
    redraw();
    reveal();
  }

  // The tile under the pointer and the pixel in it, or null.
  function under(event) {
    const bounds = canvas.getBoundingClientRect();
    const plan = layout();
    const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top];
    const [column, row] = [Math.floor(x / (plan.across + GAP)), Math.floor(y / plan.step)];
    const tile = row * plan.columns + column;
    if (column < 0 || column >= plan.columns || row < 0 || tile >= plan.count) return null;
    const [left, top] = corner(plan, tile);
    return [tile, Math.floor(((y - top) / plan.down) * places()[0]), Math.floor(((x - left) / plan.across) * places()[1])];
  }

  let held = false;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    held = byPixel();
    if (held) canvas.setPointerCapture(event.pointerId);
    const place = under(event);
    if (place) choose(...place);
  });
  canvas.addEventListener("pointermove", (event) => {
    const place = under(event);
    const tile = place ? place[0] : -1;
    if ((held || (get("follows") && byPixel())) && place && String(place) !== String(get("point"))) choose(...place);
    if (tile === hovered) return;
    hovered = tile;
    tell();
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) canvas.addEventListener(end, () => (held = false));
  canvas.addEventListener("pointerleave", () => {
    hovered = -1;
    tell();
  });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { columns, count } = layout();
    const [tile, row, column] = byPixel() ? get("point") : [get("selected"), 0, 0];
    const step = STEPS[event.key];
    if (step && byPixel()) {
      const far = event.shiftKey ? 5 : 1;
      choose(tile, row + far * step[0], column + far * step[1]);
    } else if (step) {
      const next = tile < 0 ? 0 : tile + step[0] * columns + step[1];
      if (next >= 0 && next < count) choose(next, 0, 0);
    } else if (event.key === "Home" || event.key === "End") choose(event.key === "Home" ? 0 : count - 1, row, column);
    else if (event.key === "PageUp" || event.key === "PageDown") choose(tile + (event.key === "PageUp" ? -1 : 1), row, column);
    else return;
    event.preventDefault();
  });

  const told = () => (tell(), redraw(), reveal());
  const listeners = {
    "change:tiles": load, "change:overlay": load, "change:captions": tell, "change:readout": tell, "change:label": tell,
    "change:selected": told, "change:point": told, "change:pick": told, "change:boxes": redraw, "change:opacity": redraw,
    "change:columns": redraw, "change:places": redraw, "change:smooth": redraw, "change:labels": redraw, "change:max_tile_size": redraw, "change:min_tile_size": redraw,
  };
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  const watcher = new ResizeObserver(redraw);
  watcher.observe(canvas);
  const theme = new MutationObserver(redraw);
  theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-theme"] });
  load();

  return () => {
    watcher.disconnect();
    theme.disconnect();
    cancelAnimationFrame(frameAsked);
    clearTimeout(speechTimer);
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
    [atlas, overlay].forEach((bitmap) => bitmap?.close());
  };
}

export default { render };

// The cloud: small pictures at places on a map. The pointer shows the nearest one large; keys walk from one to the next.
//
// Pictures come as one atlas (see image_grid.js); places are [across, down] in 0 ... 1.

const MARGIN = 8; // around the map and half a picture, in CSS pixels
const LARGE = 132; // side of the picture that is shown large
const REST = 600; // a screen reader hears the caption once the choice rests for so many milliseconds

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function render({ model, el }) {
  const get = (name) => model.get(name);
  const frame = make(el, "div", "cnnlab-cloud");
  const title = make(frame, "div", "cnnlab-sheet-title");
  const canvas = make(frame, "canvas", "cnnlab-sheet-canvas", { tabindex: 0, role: "application" });
  canvas.setAttribute("aria-roledescription", "map of pictures");
  const readout = make(frame, "div", "cnnlab-sheet-readout");
  const legend = make(frame, "div", "cnnlab-cloud-legend");
  const spoken = make(frame, "div", "cnnlab-unseen", { role: "status", "aria-live": "polite" });
  const pen = canvas.getContext("2d");
  let atlas = null;
  let hovered = -1;
  let [frameAsked, speechTimer, newest] = [0, 0, 0];

  const margin = () => MARGIN + get("size") / 2;
  const side = () => canvas.clientWidth - 2 * margin();
  const place = ([x, y]) => [margin() + x * side(), margin() + y * side()];
  const shown = () => (hovered >= 0 ? hovered : get("selected"));

  function picture(index, x, y, size, dpr) {
    const { columns, width, height } = get("tiles");
    const from = [(index % columns) * width, Math.floor(index / columns) * height, width, height];
    pen.drawImage(atlas, ...from, ...[x, y, size, (size * height) / width].map((value) => Math.round(value * dpr)));
  }

  function draw() {
    frameAsked = 0;
    if (!canvas.clientWidth) return;
    const dpr = window.devicePixelRatio || 1;
    const wide = canvas.clientWidth;
    canvas.style.height = `${wide}px`;
    if (canvas.width !== Math.round(wide * dpr)) canvas.width = canvas.height = Math.round(wide * dpr);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingQuality = "high";
    const [points, colours, size] = [get("points"), get("colours"), get("size")];
    const asPictures = get("show_thumbnails") && atlas;
    points.forEach((point, index) => {
      const [x, y] = place(point);
      pen.fillStyle = pen.strokeStyle = colours[index] ?? "#607d8b";
      if (asPictures) {
        picture(index, x - size / 2, y - size / 2, size, dpr);
        if (!colours[index]) return;
        pen.lineWidth = 2 * dpr;
        pen.strokeRect((x - size / 2) * dpr, (y - size / 2) * dpr, size * dpr, size * dpr);
      } else {
        pen.beginPath();
        pen.arc(x * dpr, y * dpr, 4 * dpr, 0, 7);
        pen.fill();
      }
    });
    const index = shown();
    if (index >= 0 && index < points.length && atlas) {
      const [x, y] = place(points[index]);
      const beside = x + LARGE + 12 < wide ? x + 10 : x - LARGE - 10;
      const top = Math.min(Math.max(y - LARGE / 2, 2), wide - LARGE - 2);
      pen.lineWidth = 3 * dpr;
      pen.strokeStyle = colours[index] ?? "#212121";
      picture(index, beside, top, LARGE, dpr);
      pen.strokeRect(beside * dpr, top * dpr, LARGE * dpr, LARGE * dpr);
      pen.beginPath();
      pen.arc(x * dpr, y * dpr, 7 * dpr, 0, 7);
      pen.stroke();
    }
    canvas.dataset.drawn = Number(canvas.dataset.drawn || 0) + 1;
  }

  const redraw = () => (frameAsked ||= requestAnimationFrame(draw));

  async function load() {
    const mine = ++newest;
    const bytes = get("tiles").png;
    const fresh = await decode(bytes);
    if (mine !== newest) return fresh?.close(); // a newer one is on its way
    atlas?.close();
    atlas = fresh;
    tell();
    redraw();
  }

  function tell() {
    const caption = get("captions")[shown()] ?? "";
    title.textContent = get("label");
    readout.textContent = caption;
    canvas.setAttribute("aria-label", `${get("label")}, ${get("points").length} pictures; chosen: ${get("captions")[get("selected")] ?? "none"}`);
    clearTimeout(speechTimer);
    speechTimer = setTimeout(() => (spoken.textContent = caption), REST);
  }

  function explain() {
    legend.replaceChildren();
    for (const [name, colour] of get("legend")) {
      const entry = make(legend, "span", "cnnlab-cloud-entry");
      make(entry, "span", "cnnlab-cloud-swatch").style.background = colour;
      entry.append(name);
    }
  }

  function choose(index) {
    model.set("selected", index);
    model.save_changes();
    tell();
    redraw();
  }

  function nearest(x, y, reach = Infinity) {
    let [best, least] = [-1, reach * reach];
    get("points").forEach((point, index) => {
      const [px, py] = place(point);
      const far = (px - x) ** 2 + (py - y) ** 2;
      if (far < least) [best, least] = [index, far];
    });
    return best;
  }

  function under(event) {
    const bounds = canvas.getBoundingClientRect();
    return nearest(event.clientX - bounds.left, event.clientY - bounds.top, Math.max(14, get("size")));
  }

  // The nearest point that lies more in the direction of the key than across it.
  function towards([across, down]) {
    const points = get("points");
    const here = points[get("selected")];
    if (!here) return points.length ? 0 : -1;
    let [best, least] = [-1, Infinity];
    points.forEach(([x, y], index) => {
      const [dx, dy] = [x - here[0], y - here[1]];
      const along = dx * across + dy * down;
      const aside = Math.abs(dx * down) + Math.abs(dy * across);
      if (along > 0 && along >= aside && along + aside < least) [best, least] = [index, along + aside];
    });
    return best;
  }

  canvas.addEventListener("pointermove", (event) => {
    const index = under(event);
    if (index === hovered) return;
    hovered = index;
    tell();
    redraw();
  });
  canvas.addEventListener("pointerleave", () => {
    hovered = -1;
    tell();
    redraw();
  });
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.focus({ preventScroll: true });
    choose(under(event));
  });
  canvas.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const next = towards(step);
    if (next >= 0) choose(next);
  });

  const told = () => (tell(), redraw());
  const listeners = {
    "change:tiles": load, "change:points": told, "change:colours": redraw, "change:captions": tell, "change:label": tell,
    "change:selected": told, "change:show_thumbnails": redraw, "change:size": redraw, "change:legend": explain,
  };
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  const watcher = new ResizeObserver(redraw);
  watcher.observe(canvas);
  explain();
  load();

  return () => {
    watcher.disconnect();
    cancelAnimationFrame(frameAsked);
    clearTimeout(speechTimer);
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
    atlas?.close();
  };
}

export default { render };

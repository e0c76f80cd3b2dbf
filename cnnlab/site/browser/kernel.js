// What a kernel does for an explorer: the traits of its widgets, and the pickers of network and picture.

import { file, networkOf, once } from "./networks.js";
import { EMPTY, maskOf, picturePng, pixelsOf } from "./pictures.js";
import { literal } from "./snippets.js";

const DISPLAY = 480; // side of a displayed picture
const COMPUTING = "Computing …";
const PATIENCE = 150; // milliseconds

// The rows of `ProbabilityBars`: the five most probable classes, then the target.
export function bars(now, before, names, target) {
  const ranks = now.map((_, i) => i).sort((a, b) => now[b] - now[a] || a - b).slice(0, 5);
  const rounded = (value) => Math.round(value * 1e4) / 1e4;
  return (ranks.includes(target) ? ranks : [...ranks, target]).map((i) => ({
    name: names[i], now: rounded(now[i]), before: before ? rounded(before[i]) : null, target: i === target,
  }));
}

export function escaped(text) {
  const node = document.createElement("i");
  node.textContent = text;
  return node.innerHTML;
}

export const paragraphs = (sentences) => sentences.map((text) => `<p>${escaped(text)}</p>`).join("");

// Calls of one piece of work, one at a time: while it runs, only the latest call is kept.
export function latestOnly(work) {
  let [running, wanted] = [null, false];
  return () => {
    wanted = true;
    running ??= (async () => {
      try {
        while (wanted) {
          wanted = false;
          await work().catch((error) => {
            if (!wanted) throw error; // else the newest call answers
          });
        }
      } finally {
        running = null;
      }
    })();
    return running;
  };
}

export const rest = (milliseconds = 0) => new Promise((done) => setTimeout(done, milliseconds));

export class Kernel {
  constructor(models, description, palettes, here) {
    Object.assign(this, { models, description, palettes, here });
    this.quiet = 0; // while it is positive, changes are the kernel's own
    this.turn = 0; // answers that were asked for so far,
    this.answering = 0; // those under way,
    this.meanwhile = 0; // and work that goes on while the controls rest
  }

  get(name, trait = "value") {
    return this.models[name].get(trait);
  }

  set(name, traits) {
    this.quiet += 1;
    this.models[name].set(traits);
    this.quiet -= 1;
  }

  // The chosen option of a menu: its text, or the value behind a searchable one.
  option(name) {
    return this.get(name, "_options_labels")[this.get(name, "index")];
  }

  choice(name) {
    return this.description.menus[this.networkName][name].values[this.get(name, "index")];
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

  // Work that the reader has asked for; the status line says so if it takes a while.
  async attempt(work, count = "answering") {
    this[count] += 1;
    const mine = count === "answering" ? ++this.turn : this.turn; // an older answer that comes late says nothing of the newest
    const before = this.get("status");
    const told = setTimeout(() => this.status(COMPUTING), PATIENCE);
    try {
      await work();
      if (mine === this.turn) this.alert("");
      if (this.answers) this.tellCode();
    } catch (error) {
      if (mine === this.turn) this.alert(error.message ?? String(error));
    } finally {
      this[count] -= 1;
      clearTimeout(told);
      if (this.get("status") === COMPUTING) this.set("status", { value: before });
    }
  }

  // "Show the code" has the lines for what is on show.
  tellCode() {
    this.set("code", { code: this.answers.code() });
  }

  // The line that loads the network.
  loading() {
    return `model = cnnlab.load(${literal(this.networkName)})`;
  }

  alert(text) {
    this.show("alert", Boolean(text));
    this.set("alert", { value: escaped(text) });
  }

  status(text) {
    this.set("status", { value: escaped(text) });
  }

  show(name, shown) {
    this.models[name].get("layout").set("display", shown ? "" : "none");
  }

  get networkName() {
    return this.option("network");
  }

  network() {
    return networkOf(this.networkName, this.here);
  }

  // Fills the searchable menus with the options of the network; a choice stays where it is still on offer.
  offer() {
    for (const [name, { values, ...menu }] of Object.entries(this.description.menus[this.networkName])) {
      const chosen = this.get(name, "_labels")[this.get(name, "index")];
      const place = menu._labels.indexOf(chosen);
      this.set(name, { ...menu, index: place < 0 ? menu.index : place });
    }
  }

  async list() {
    return once("list", async () => (await file(new URL("pictures/list.json", this.here))).json());
  }

  // The kind of the picture on show: the one before stays while the reader has not yet given a photo of their own.
  get kindShown() {
    const kind = this.get("kind");
    if (kind !== "own" || this.get("upload", "upload").content) this.lastKind = kind;
    return this.lastKind;
  }

  // Shows the panel of the chosen kind.
  showPanel() {
    const panels = { photograph: "photographs", rendered: "rendered_panel", own: "upload" };
    for (const [kind, panel] of Object.entries(panels)) this.show(panel, kind === this.get("kind"));
  }

  // Puts a rendered picture on show, as if the reader had chosen it.
  chooseRendered(name) {
    this.set("rendered", { value: name });
    this.set("kind", { value: "rendered" });
    this.showPanel();
  }

  // The picture on show.
  async picture() {
    const kind = this.kindShown;
    if (kind === "own") return this.own();
    const panel = kind === "photograph" ? "photographs" : "rendered";
    const name = this.get(panel) || this.get(panel, "names")[0];
    this.set(panel, { value: name });
    return this.named(name);
  }

  // A picture by its name: { name, description, object, code: by side, eye: bytes, at: side => picture, mask: side => bytes, truth: side => booleans }.
  async named(name) {
    const about = (await this.list())[name];
    const bytes = (ending) => once(`${name}${ending}`, async () => new DataView(await (await file(new URL(`pictures/${name}${ending}`, this.here))).arrayBuffer()));
    const at = (side) => once(`${name} at ${side}`, async () => pixelsOf(await createImageBitmap(new Blob([await bytes(`-${side}.png`)])), side));
    const mask = (side = DISPLAY) => (about.masked ? bytes(`-mask-${side}.png`) : EMPTY);
    return { name, ...about, eye: await bytes(".jpg"), at, mask, truth: async (side) => maskOf(await mask(side)) };
  }

  // The reader's photo: its middle, as a square. It is read here and goes nowhere.
  own() {
    const upload = this.get("upload", "upload");
    return once(`own ${upload.turn}`, async () => {
      const bitmap = await createImageBitmap(new Blob([upload.content]), { imageOrientation: "from-image" }).catch(() => {
        throw new Error(`${upload.name} cannot be read as a picture: choose a PNG, JPEG or WebP.`);
      });
      const least = Math.min(bitmap.width, bitmap.height);
      const square = await createImageBitmap(bitmap, (bitmap.width - least) / 2, (bitmap.height - least) / 2, least, least);
      const eye = await picturePng(pixelsOf(square, DISPLAY));
      const about = { name: "own", description: `photo ${upload.name}`, object: "object", masked: false };
      const code = new Proxy({}, { get: (_, side) => `image = cnnlab.photo(${literal(upload.name)}, size=${side})` });
      return { ...about, code, eye, at: async (side) => pixelsOf(square, side), mask: () => EMPTY, truth: async () => null };
    });
  }

  // Follows the pickers of network and picture: `changed` is called after each choice.
  async followPickers(changed) {
    const again = latestOnly(changed);
    const choose = () => {
      this.offer();
      return again();
    };
    this.on("kind", () => {
      this.showPanel();
      return this.get("kind") === this.kindShown ? choose() : undefined;
    });
    this.on(["photographs", "rendered"], choose);
    this.on("network", choose, "index");
    this.on("upload", () => {
      const { name, content } = this.get("upload", "upload");
      this.set("upload", { photo_name: content ? name : "" });
      this.set("kind", { value: content ? "own" : "photograph" });
      this.showPanel();
      return choose();
    }, "upload");
  }
}

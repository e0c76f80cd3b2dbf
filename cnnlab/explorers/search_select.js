// A combobox: a field that shows what is chosen, and a list that is narrowed down by typing (ARIA 1.2, "editable combobox").
//
// The list is made anew on every key and never has more than ROWS rows, so a thousand options are as quick as ten. It stands in the
// browser's top layer (a popover): neither the explorer's edge nor a scrolled notebook cuts it off.

const ROWS = 50;
const NEAR = 8; // suggestions where nothing matches
const JUMP = 10; // rows that PageUp and PageDown move in the open list

// Text as it is compared: without accents, case and underscores.
const fold = (text) => text.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLowerCase().replaceAll("_", " ").trim();

// Edits (insertions, deletions, substitutions, swaps of neighbours) that turn one word into another; more than `most` count as Infinity.
function distance(one, other, most) {
  if (Math.abs(one.length - other.length) > most) return Infinity;
  let [before, last] = [[], Array.from({ length: other.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      row[j] = Math.min(row[j - 1] + 1, last[j] + 1, last[j - 1] + (one[i - 1] !== other[j - 1]));
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (swapped) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    [before, last] = [last, row];
  }
  return last[other.length] <= most ? last[other.length] : Infinity;
}

// How well a label fits what was typed: 0 is best; labels that fit by their further words alone come last.
function rank(label, typed) {
  if (label === typed) return 0;
  const words = label.split(/[^\p{L}\p{N}]+/u);
  if (words.includes(typed)) return 1;
  if (label.startsWith(typed)) return 2;
  if (words.some((word) => word.startsWith(typed))) return 3;
  return label.includes(typed) ? 4 : 5;
}

// What can be found: the options' labels, folded, with their further words.
class Index {
  constructor(labels, words) {
    this.labels = labels.map(fold);
    this.texts = this.labels.map((label, i) => `${label}\n${fold(words[i] ?? "")}`);
  }

  // The options that contain every word of what was typed, in their order, and the place of the best of them.
  matching(typed) {
    const terms = typed.split(/\s+/);
    const found = [...this.texts.keys()].filter((i) => terms.every((term) => this.texts[i].includes(term)));
    const ranks = found.map((i) => rank(this.labels[i], typed));
    return { found, ranks };
  }

  // The options that are a few typing errors away, nearest first.
  near(typed) {
    const most = Math.max(1, Math.floor(typed.length / 3));
    const far = (text) => Math.min(...[text, text.slice(0, typed.length), ...text.split(/\s+/)].map((part) => distance(typed, part, most)));
    const measured = this.texts.map((text, i) => [Math.min(...text.split(/[\n,]+/).map((part) => far(part.trim()))), i]);
    return measured.filter(([d]) => d < Infinity).sort((a, b) => a[0] - b[0] || a[1] - b[1]).slice(0, NEAR).map(([, i]) => i);
  }
}

function render({ model, el }) {
  const id = `cnnlab-search-${Math.random().toString(36).slice(2)}`; // each view of each widget has its own
  el.classList.add("cnnlab-search");
  const caption = make(el, "label", "cnnlab-search-label", { for: id });
  const field = make(el, "input", "cnnlab-search-field", {
    id, type: "text", role: "combobox", autocomplete: "off", spellcheck: "false",
    "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": `${id}-list`, "data-lm-suppress-shortcuts": "",
  });
  const popup = make(el, "div", "cnnlab-search-popup", { popover: "manual" });
  const list = make(popup, "div", "cnnlab-search-list", { id: `${id}-list`, role: "listbox", "aria-label": "Options" });
  const note = make(popup, "div", "cnnlab-search-note", { role: "status" });
  let index, found, start, active; // `found` are option numbers; `start` and `active` are places in it
  let typed = ""; // folded; empty while nothing was typed
  let nearby = false;
  const isOpen = () => field.getAttribute("aria-expanded") === "true";

  // Which options are found, and which of them is active.

  function search() {
    const all = model.get("_labels");
    const chosen = model.get("index") ?? 0;
    nearby = false;
    if (!typed) {
      found = [...all.keys()];
      active = Math.min(chosen, all.length - 1);
    } else {
      const { found: hits, ranks } = index.matching(typed);
      if (model.get("_groups").length) {
        found = hits; // under their headings; the best is active wherever it stands
        active = ranks.indexOf(Math.min(...ranks));
      } else {
        found = hits.map((i, place) => [ranks[place], i]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, i]) => i);
        active = found.length ? 0 : -1;
      }
      if (!found.length) {
        found = index.near(typed);
        nearby = true;
        active = found.length ? 0 : -1;
      }
    }
    start = clamp(active - Math.floor(ROWS / 4), 0, Math.max(0, found.length - ROWS));
    list.scrollTop = 0;
  }

  // The list.

  function option(parent, i, place) {
    const node = make(parent, "div", "cnnlab-search-option", {
      id: `${id}-${i}`, role: "option", "aria-selected": i === model.get("index"),
      "aria-setsize": found.length, "aria-posinset": place + 1,
    });
    const label = model.get("_labels")[i];
    const at = typed && !nearby ? fold(label).indexOf(typed) : -1;
    if (at < 0 || fold(label).length !== label.length) node.textContent = label;
    else {
      node.append(label.slice(0, at));
      make(node, "b", "").textContent = label.slice(at, at + typed.length);
      node.append(label.slice(at + typed.length));
    }
    node.title = label;
    node.classList.toggle("cnnlab-search-active", place === active);
    node.dataset.place = place;
  }

  function draw() {
    const headings = model.get("_groups");
    const rows = found.slice(start, start + ROWS);
    list.replaceChildren();
    let [parent, heading] = [list, ""];
    rows.forEach((i, row) => {
      const own = nearby ? "" : (headings[i] ?? "");
      if (own !== heading) {
        heading = own;
        parent = own ? make(list, "div", "cnnlab-search-group", { role: "group", "aria-label": own }) : list;
        if (own) make(parent, "div", "cnnlab-search-heading", { "aria-hidden": "true" }).textContent = own;
      }
      option(parent, i, start + row);
    });
    const more = found.length - rows.length;
    note.textContent = nearby
      ? (found.length ? "Nothing matches; these are near." : "Nothing matches.")
      : more ? `and ${more} more: keep typing` : typed ? `${found.length} of ${model.get("_labels").length}` : "";
    reveal();
  }

  function reveal() {
    const node = list.querySelector(".cnnlab-search-active");
    if (!node) return field.removeAttribute("aria-activedescendant");
    field.setAttribute("aria-activedescendant", node.id);
    // Scrolled by hand: scrollIntoView would move the whole notebook.
    const heading = node.parentNode.firstElementChild === node.previousElementSibling ? node.previousElementSibling : node;
    if (heading.offsetTop < list.scrollTop) list.scrollTop = heading.offsetTop;
    const below = node.offsetTop + node.offsetHeight - list.clientHeight;
    if (below > list.scrollTop) list.scrollTop = below;
  }

  function place() {
    const box = field.getBoundingClientRect();
    if (box.bottom < 0 || box.top > innerHeight) return close();
    const [above, below] = [box.top - 10, innerHeight - box.bottom - 10];
    const up = below < 200 && above > below;
    const width = Math.min(Math.max(box.width, 230), innerWidth - 16);
    Object.assign(popup.style, {
      left: `${clamp(box.left, 8, innerWidth - width - 8)}px`,
      width: `${width}px`,
      top: up ? "auto" : `${box.bottom + 3}px`,
      bottom: up ? `${innerHeight - box.top + 3}px` : "auto",
      maxHeight: `${Math.min(340, up ? above : below)}px`,
    });
  }
  const follow = (event) => popup.contains(event.target) || place();

  function open() {
    if (field.disabled || !model.get("_labels").length) return;
    search();
    if (!isOpen()) {
      field.setAttribute("aria-expanded", "true");
      popup.showPopover?.();
      addEventListener("scroll", follow, true);
      addEventListener("resize", follow);
    }
    place();
    draw();
  }

  function close() {
    typed = "";
    field.removeAttribute("aria-activedescendant");
    removeEventListener("scroll", follow, true);
    removeEventListener("resize", follow);
    if (!isOpen()) return;
    field.setAttribute("aria-expanded", "false");
    popup.hidePopover?.();
    list.replaceChildren();
  }

  // What is chosen.

  function show() {
    const label = model.get("_labels")[model.get("index")] ?? "";
    if (!typed) field.value = label;
    field.title = label;
  }

  function choose(i) {
    close();
    if (i !== undefined && i !== model.get("index")) {
      model.set("index", i);
      model.save_changes();
    }
    show();
    if (document.activeElement === field) field.select();
  }

  function move(to) {
    if (!found.length) return;
    active = clamp(to, 0, found.length - 1);
    if (active < start || active >= start + ROWS) {
      start = clamp(active - Math.floor(ROWS / 2), 0, Math.max(0, found.length - ROWS));
    }
    draw();
  }

  // Keys and pointer.

  function step(by) {
    const last = model.get("_labels").length - 1;
    if (last >= 0) choose(clamp((model.get("index") ?? -by) + by, 0, last));
  }

  const inClosed = {
    ArrowDown: open, ArrowUp: open, Enter: open,
    PageDown: () => step(1), PageUp: () => step(-1), // through the options without opening the list
  };
  const inOpen = {
    ArrowDown: () => move(active + 1), ArrowUp: () => move(active - 1),
    PageDown: () => move(active + JUMP), PageUp: () => move(active - JUMP),
    Home: () => move(0), End: () => move(found.length - 1),
    Enter: () => choose(found[active]),
    Escape: () => choose(undefined),
  };
  field.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || field.disabled || event.isComposing) return;
    if (event.altKey && !event.key.startsWith("Arrow")) return;
    const act = (isOpen() ? inOpen : inClosed)[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });
  field.addEventListener("input", () => {
    typed = fold(field.value);
    open();
  });
  field.addEventListener("click", () => (isOpen() && !typed ? close() : open()));
  field.addEventListener("focus", () => field.select());
  field.addEventListener("blur", () => choose(undefined));
  popup.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const node = event.target.closest("[role=option]");
    if (node) choose(found[Number(node.dataset.place)]);
  });

  // What the kernel says.

  function offer() {
    index = new Index(model.get("_labels"), model.get("_keywords"));
    show();
    if (isOpen()) open();
  }
  function dress() {
    caption.textContent = model.get("description");
    caption.hidden = !model.get("description");
    field.disabled = model.get("disabled");
    if (field.disabled) close();
  }
  const heard = {
    "change:_labels change:_keywords change:_groups": offer, "change:index": show, "change:description change:disabled": dress,
  };
  for (const [events, hear] of Object.entries(heard)) model.on(events, hear);
  offer();
  dress();
  return () => {
    close();
    for (const [events, hear] of Object.entries(heard)) model.off(events, hear);
  };
}

export default { render };

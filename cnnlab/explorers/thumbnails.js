// Thumbnails: small pictures of which pointer and keys choose one (a list box whose choice follows the focus).
//
// All pictures come as one, the sheet; each option shows its part of it. The chosen one's caption stands below.

function render({ model, el }) {
  const get = (name) => model.get(name);
  el.classList.add("cnnlab-thumbs");
  const list = make(el, "div", "cnnlab-thumbs-list", { role: "listbox" });
  const caption = make(el, "div", "cnnlab-thumbs-caption");
  let address = "";

  const chosen = () => get("names").indexOf(get("value"));

  function build() {
    const { count = 0, columns = 1 } = get("atlas");
    const rows = Math.ceil(count / columns);
    const share = (place, parts) => (parts > 1 ? `${(100 * place) / (parts - 1)}%` : "0");
    list.setAttribute("aria-label", get("label"));
    list.replaceChildren();
    get("names").forEach((name, place) => {
      const option = make(list, "div", "cnnlab-thumb", { role: "option", "aria-label": name.replaceAll("_", " ") });
      option.title = get("descriptions")[place] ?? "";
      if (!address || place >= count) return;
      Object.assign(option.style, {
        backgroundImage: `url(${address})`,
        backgroundSize: `${100 * columns}% ${100 * rows}%`,
        backgroundPosition: `${share(place % columns, columns)} ${share(Math.floor(place / columns), rows)}`,
      });
    });
    mark();
  }

  function load() {
    if (address) URL.revokeObjectURL(address);
    const { jpeg } = get("atlas");
    address = jpeg?.byteLength ? URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" })) : "";
    build();
  }

  // The chosen one is marked, in sight, and the one that the Tab key reaches.
  function mark() {
    const place = chosen();
    [...list.children].forEach((option, i) => {
      option.setAttribute("aria-selected", String(i === place));
      option.tabIndex = i === Math.max(place, 0) ? 0 : -1;
    });
    caption.textContent = get("captions")[place] ?? "";
    if (place >= 0) reveal(list.children[place]);
  }

  // Scrolled by hand: scrollIntoView would move the whole notebook.
  function reveal(option) {
    const [top, bottom] = [option.offsetTop, option.offsetTop + option.offsetHeight];
    if (!list.clientHeight) return;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
  }

  function choose(place) {
    const option = list.children[clamp(place, 0, list.children.length - 1)];
    if (!option) return;
    option.focus({ preventScroll: true });
    const name = get("names")[[...list.children].indexOf(option)];
    if (name === get("value")) return;
    model.set("value", name);
    model.save_changes();
  }

  const inRow = () => [...list.children].filter((option) => option.offsetTop === list.children[0].offsetTop).length;
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) choose([...list.children].indexOf(option));
  });
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const [here, last] = [[...list.children].indexOf(event.target), list.children.length - 1];
    const places = {
      ArrowLeft: here - 1, ArrowRight: here + 1, ArrowUp: here - inRow(), ArrowDown: here + inRow(),
      Home: 0, End: last, Enter: here, " ": here,
    };
    if (here < 0 || !(event.key in places)) return;
    event.preventDefault();
    event.stopPropagation();
    if (places[event.key] >= 0 && places[event.key] <= last) choose(places[event.key]);
  });

  const heard = {
    "change:atlas": load, "change:names change:descriptions change:label": build, "change:value change:captions": mark,
  };
  for (const [events, hear] of Object.entries(heard)) model.on(events, hear);
  const watcher = new ResizeObserver(() => chosen() >= 0 && reveal(list.children[chosen()])); // it may have been out of sight
  watcher.observe(list);
  load();
  return () => {
    watcher.disconnect();
    for (const [events, hear] of Object.entries(heard)) model.off(events, hear);
    if (address) URL.revokeObjectURL(address);
  };
}

export default { render };

// Class probabilities as bars: what the network says now, and as a ghost what it said before.
//
// A row belongs to a class and is kept from answer to answer: it slides to its new rank instead of being drawn anew.

const ROW = 44; // height of a row in CSS pixels

function makeRow(list) {
  const row = make(list, "div", "cnnlab-bar");
  row.setAttribute("role", "meter");
  row.setAttribute("aria-valuemin", 0);
  row.setAttribute("aria-valuemax", 1);
  const name = make(row, "span", "cnnlab-bar-name");
  const value = make(row, "span", "cnnlab-bar-value");
  const track = make(row, "span", "cnnlab-bar-track");
  const [ghost, fill, tick] = ["ghost", "fill", "tick"].map((part) => make(track, "span", `cnnlab-bar-${part}`));
  return { row, name, value, ghost, fill, tick };
}

function fillRow({ row, name, value, ghost, fill, tick }, entry, rank, before) {
  name.textContent = entry.name;
  value.textContent = entry.now.toFixed(3);
  fill.style.transform = `scaleX(${entry.now})`;
  const compared = entry.before !== null;
  ghost.style.transform = `scaleX(${compared ? entry.before : 0})`;
  tick.style.left = `${100 * entry.before}%`;
  tick.hidden = !compared;
  row.style.transform = `translateY(${rank * ROW}px)`;
  row.classList.toggle("cnnlab-bar-target", entry.target);
  row.setAttribute("aria-label", entry.target ? `${entry.name}, the target` : entry.name);
  row.setAttribute("aria-valuenow", entry.now.toFixed(3));
  row.setAttribute("aria-valuetext", entry.now.toFixed(3) + (compared ? `, ${before} ${entry.before.toFixed(3)}` : ""));
  row.title = `${entry.name}: ${entry.now.toFixed(3)} now` + (compared ? `, ${entry.before.toFixed(3)} ${before}` : "");
}

function render({ model, el }) {
  const sheet = make(el, "div", "cnnlab-bars");
  const list = make(sheet, "div", "cnnlab-bars-list");
  list.setAttribute("role", "group");
  const key = make(sheet, "div", "cnnlab-bars-key");
  const rows = new Map();
  let settling = 0;

  function explain() {
    key.replaceChildren();
    model.get("series_names").forEach((word, i) => {
      const entry = make(key, "span", "cnnlab-key-entry");
      make(entry, "span", i ? "cnnlab-key-before" : "cnnlab-key-now");
      entry.append(`${word} `);
    });
  }

  function show() {
    const entries = model.get("entries");
    const named = new Set(entries.map((entry) => entry.name));
    for (const [name, parts] of rows) {
      if (named.has(name)) continue;
      parts.row.remove();
      rows.delete(name);
    }
    entries.forEach((entry, rank) => {
      if (!rows.has(entry.name)) rows.set(entry.name, makeRow(list));
      fillRow(rows.get(entry.name), entry, rank, model.get("series_names")[1]);
    });
    key.hidden = !entries.length; // it explains nothing
    list.style.height = `${entries.length * ROW}px`;
    list.setAttribute("aria-label", model.get("label"));
    clearTimeout(settling); // once they rest, the rows stand in the document as they stand on the screen: who listens hears that order
    settling = setTimeout(() => entries.forEach((entry) => list.append(rows.get(entry.name).row)), 400);
    sheet.dataset.shown = Number(sheet.dataset.shown || 0) + 1;
  }

  model.on("change:entries", show);
  model.on("change:series_names", explain);
  explain();
  show();
  return () => {
    clearTimeout(settling);
    model.off("change:entries", show);
    model.off("change:series_names", explain);
  };
}

export default { render };

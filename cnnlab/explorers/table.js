// A table of which one row is chosen: click it, or focus the table and use the arrow keys.

let tables = 0; // for names that are unique in the page

function render({ model, el }) {
  const name = `cnnlab-table-${++tables}`;
  const frame = make(el, "div", "cnnlab-table");
  const scroll = make(frame, "div", "cnnlab-table-scroll", { tabindex: 0, role: "grid" });
  const table = make(scroll, "table", "", { role: "presentation" });
  const note = make(frame, "div", "cnnlab-table-note");
  let lines = [];

  function line(parent, tag, cells, role) {
    const row = make(parent, "tr", "", { role: "row" });
    cells.forEach((cell, i) => {
      const node = make(row, tag, i < model.get("text_columns") ? "" : "cnnlab-table-number", { role });
      node.textContent = cell;
    });
    return row;
  }

  function build() {
    table.replaceChildren();
    line(make(table, "thead", "", { role: "rowgroup" }), "th", model.get("headings"), "columnheader");
    const body = make(table, "tbody", "", { role: "rowgroup" });
    lines = model.get("rows").map((cells, number) => {
      const row = line(body, "td", cells, "gridcell");
      row.id = `${name}-${number}`;
      row.addEventListener("click", () => choose(number));
      return row;
    });
    scroll.setAttribute("aria-label", model.get("label"));
    note.textContent = model.get("note");
    mark();
  }

  function mark() {
    const chosen = model.get("selected");
    lines.forEach((row, number) => {
      row.classList.toggle("cnnlab-table-chosen", number === chosen);
      row.setAttribute("aria-selected", number === chosen);
    });
    const row = lines[chosen];
    if (!row) return scroll.removeAttribute("aria-activedescendant");
    scroll.setAttribute("aria-activedescendant", row.id);
    // Scrolled by hand: scrollIntoView would move the whole notebook.
    const head = table.tHead.offsetHeight;
    if (row.offsetTop - head < scroll.scrollTop) scroll.scrollTop = row.offsetTop - head;
    const below = row.offsetTop + row.offsetHeight - scroll.clientHeight;
    if (below > scroll.scrollTop) scroll.scrollTop = below;
  }

  function choose(number) {
    if (!lines.length) return;
    model.set("selected", Math.min(Math.max(number, 0), lines.length - 1));
    model.save_changes();
  }

  scroll.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [chosen, last] = [model.get("selected"), lines.length - 1];
    const aims = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, PageDown: chosen + 8, PageUp: chosen - 8, Home: 0, End: last };
    if (!(event.key in aims)) return;
    choose(aims[event.key]);
    event.preventDefault();
  });

  const events = ["change:rows", "change:headings", "change:note", "change:label", "change:text_columns"];
  for (const event of events) model.on(event, build);
  model.on("change:selected", mark);
  build();
  return () => {
    for (const event of events) model.off(event, build);
    model.off("change:selected", mark);
  };
}

export default { render };

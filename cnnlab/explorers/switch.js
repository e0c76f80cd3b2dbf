// A switch between a few words: a radio group in one row, whose choice follows the focus.

function render({ model, el }) {
  const get = (name) => model.get(name);
  el.classList.add("cnnlab-switch");
  const group = make(el, "div", "cnnlab-switch-group", { role: "radiogroup" });

  function build() {
    group.setAttribute("aria-label", get("label"));
    group.replaceChildren();
    for (const [value, word] of get("options")) {
      const button = make(group, "button", "cnnlab-switch-option", { type: "button", role: "radio" });
      button.textContent = word;
      button.addEventListener("click", () => choose(value));
    }
    mark();
  }

  function mark() {
    get("options").forEach(([value], place) => {
      const here = value === get("value");
      group.children[place].setAttribute("aria-checked", String(here));
      group.children[place].tabIndex = here ? 0 : -1;
    });
  }

  function choose(value) {
    group.children[get("options").findIndex(([one]) => one === value)].focus({ preventScroll: true });
    if (value === get("value")) return;
    model.set("value", value);
    model.save_changes();
  }

  group.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const values = get("options").map(([value]) => value);
    choose(values.at((values.indexOf(get("value")) + step) % values.length));
  });

  model.on("change:options change:label", build);
  model.on("change:value", mark);
  build();
  return () => {
    model.off("change:options change:label", build);
    model.off("change:value", mark);
  };
}

export default { render };

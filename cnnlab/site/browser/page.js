// Brings an explorer in a page to life when the reader asks for it: the widgets of the notebook, built by Jupyter's HTML manager, and a
// script that answers in the kernel's place. Until then the page shows a picture of it and loads nothing.

import { Kernel } from "./kernel.js";
import { file, unpacked } from "./networks.js";

const HERE = new URL("./", import.meta.url);

// The manager and anywidget are AMD modules; this is as much of that as they need.
let widgets = null;
async function manager() {
  widgets ??= (async () => {
    const modules = {};
    const keep = (name, needed, make) => {
      if (typeof name !== "string") [name, needed, make] = ["anywidget", name, needed];
      modules[name] = make(...needed.map((other) => modules[other] ?? { id: other, uri: HERE.href }));
    };
    keep.amd = true;
    window.define = keep;
    window.require ??= () => {};
    for (const file of ["embed-amd.js", "anywidget.js"]) await run(await unpacked(new URL(`vendor/${file}.gz`, HERE)));
    delete window.define;
    const { HTMLManager } = modules["@jupyter-widgets/html-manager"];
    return new HTMLManager({ loader: async (name) => modules[name] });
  })();
  return widgets;
}

function run(script) {
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  return new Promise((done, failed) => {
    const element = document.head.appendChild(document.createElement("script"));
    Object.assign(element, { src: address, onload: done, onerror: () => failed(new Error("a script cannot be run")) });
  }).finally(() => URL.revokeObjectURL(address));
}

async function enliven(place) {
  const read = async (name) => (await file(new URL(name, HERE))).json();
  const [description, palettes, host] = await Promise.all([read(`${place.dataset.explorer}.json`), read("colours.json"), manager()]);
  const answers = await import(description.script);
  await host.set_state(description.state);
  const models = {};
  for (const id of Object.keys(description.state.state)) {
    const model = await host.get_model(id);
    model.comm_live = true; // the widgets need not say that nobody answers
    model.sync = () => {}; // nor send what they hold to anybody
  }
  for (const [name, id] of Object.entries(description.names)) models[name] = await host.get_model(id);
  const kernel = new Kernel(models, description, palettes, HERE);
  kernel.answers = await answers.start(kernel);
  const view = await host.create_view(await host.get_model(description.root));
  place.replaceChildren();
  await host.display_view(view, place);
  place.dataset.alive = "";
  return kernel;
}

for (const place of document.querySelectorAll("[data-explorer]")) {
  const button = place.querySelector("button");
  button.disabled = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.textContent = "Loading …";
    try {
      place.kernel = await enliven(place);
      place.previousElementSibling?.classList.contains("figure") && place.previousElementSibling.remove();
    } catch (error) {
      button.textContent = "Try again";
      button.disabled = false;
      place.querySelector("[role=status]").textContent = `This did not work: ${error.message ?? error}`;
    }
  });
}

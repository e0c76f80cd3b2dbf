// Brings an explorer in a page to life when the reader asks for it: the widgets of the notebook, built by Jupyter's HTML manager, and a
// script that answers in the kernel's place. Until then the page shows a picture of it and loads nothing.

import { Kernel } from "./kernel.js";
import { file, networkOf, once, unpacked } from "./networks.js";

const HERE = new URL("./", import.meta.url);

// The manager and anywidget are AMD modules; this is as much of that as they need.
function manager() {
  return once("manager", async () => {
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
  });
}

function run(script) {
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  return new Promise((done, failed) => {
    const element = document.head.appendChild(document.createElement("script"));
    Object.assign(element, { src: address, onload: done, onerror: () => failed(new Error("a script cannot be run")) });
  }).finally(() => URL.revokeObjectURL(address));
}

// The graphs of the first answer are loaded while the widgets are built.
async function prepare({ network, graphs }) {
  const first = await networkOf(network, HERE);
  await Promise.all(graphs.map((kind) => first.session(kind)));
}

async function enliven(place) {
  const read = async (name) => (await file(new URL(name, HERE))).json();
  const described = read(`${place.dataset.explorer}.json`);
  described.then(prepare).catch(() => {}); // what fails there fails again where it is needed, and is told
  const [description, palettes, host] = await Promise.all([described, read("colours.json"), manager()]);
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
  const root = await host.get_model(description.root);
  const [answering, view] = await Promise.all([answers.start(kernel), host.create_view(root)]);
  kernel.answers = answering;
  kernel.tellCode();
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

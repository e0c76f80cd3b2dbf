// "Your own photo": a button, and the whole explorer as a place to drop one.
//
// The kernel's connection takes messages of some megabytes, a phone's photo may be larger: large ones are shrunk here. A file
// that the browser cannot read as a picture goes to the kernel as it is, which says what is wrong with it.

const LARGEST = 4e6; // bytes that are sent as they are
const SIDE = 2048; // longest side of a photo that was shrunk

async function shrink(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(Math.max(1, bitmap.width * scale), Math.max(1, bitmap.height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
}

async function bytesOf(file) {
  if (file.size <= LARGEST) return file.arrayBuffer();
  const small = await shrink(file).catch(() => file.slice(0, 64)); // the first bytes are enough to see that it is no picture
  return small.arrayBuffer();
}

function render({ model, el }) {
  el.classList.add("cnnlab-photo");
  const [input, button, back] = ["input", "button", "button"].map((tag) => el.appendChild(document.createElement(tag)));
  Object.assign(input, { type: "file", accept: "image/*", hidden: true });
  Object.assign(button, { type: "button", className: "cnnlab-upload" });
  Object.assign(back, { type: "button", className: "cnnlab-back", textContent: "✕", title: "Back to the picture before" });
  back.setAttribute("aria-label", back.title);
  button.title = "Choose a photo, or drop one anywhere on the explorer";
  button.addEventListener("click", () => input.click());
  back.addEventListener("click", () => {
    report({});
    button.focus();
  });

  function report(upload) {
    model.set("upload", { ...upload, turn: Date.now() }); // the turn tells two uploads of one file apart
    model.save_changes();
  }
  async function send(file) {
    if (file) report({ name: file.name, content: new DataView(await bytesOf(file)) });
  }
  input.addEventListener("change", () => {
    send(input.files[0]);
    input.value = ""; // the same file may be chosen again
  });

  function showName() {
    const name = model.get("photo_name");
    button.textContent = name ? `Photo: ${name}` : "Your own photo …";
    button.classList.toggle("cnnlab-in-use", Boolean(name));
    back.hidden = !name;
  }
  model.on("change:photo_name", showName);
  showName();

  let root = null;
  const hover = (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    event.stopPropagation(); // JupyterLab would open the file in its browser
    root.classList.toggle("cnnlab-dropping", event.type !== "dragleave" || root.contains(event.relatedTarget));
  };
  const drop = (event) => {
    hover(event);
    root.classList.remove("cnnlab-dropping");
    send(event.dataTransfer.files[0]);
  };
  const waiting = setInterval(() => {
    if (!el.isConnected) return;
    clearInterval(waiting);
    root = el.closest(".cnnlab") ?? el;
    for (const kind of ["dragenter", "dragover", "dragleave"]) root.addEventListener(kind, hover);
    root.addEventListener("drop", drop);
  }, 30);

  return () => {
    clearInterval(waiting);
    model.off("change:photo_name", showName);
    for (const kind of ["dragenter", "dragover", "dragleave"]) root?.removeEventListener(kind, hover);
    root?.removeEventListener("drop", drop);
  };
}

export default { render };

// A picture that is only looked at, with its words for those who do not see it.

function render({ model, el }) {
  const frame = el.appendChild(document.createElement("div"));
  frame.className = "cnnlab-chart";
  const picture = frame.appendChild(document.createElement("img"));
  let address = "";

  function show() {
    const bytes = model.get("png");
    URL.revokeObjectURL(address);
    address = bytes?.byteLength ? URL.createObjectURL(new Blob([bytes], { type: "image/png" })) : "";
    picture.hidden = !address;
    if (address) picture.src = address;
    picture.alt = model.get("alt");
  }

  model.on("change:png", show);
  model.on("change:alt", show);
  show();
  return () => {
    URL.revokeObjectURL(address);
    model.off("change:png", show);
    model.off("change:alt", show);
  };
}

export default { render };

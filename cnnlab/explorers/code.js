// "Show the code": the lines that reproduce the picture without the explorer, to be copied into a cell.

const WORDS = /("[^"]*"|'[^']*')|(#.*)|\b(import|from|as|with|print|for|in|None|True|False)\b|\b(\d+(?:\.\d+)?)\b/g;
const KINDS = ["string", "comment", "keyword", "number"];

function paint(line, code) {
  let end = 0;
  for (const found of code.matchAll(WORDS)) {
    line.append(code.slice(end, found.index));
    const word = line.appendChild(document.createElement("span"));
    word.className = `cnnlab-code-${KINDS[found.slice(1).findIndex((group) => group !== undefined)]}`;
    word.textContent = found[0];
    end = found.index + found[0].length;
  }
  line.append(code.slice(end));
}

async function copy(text, node) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied";
  } catch {
    getSelection().selectAllChildren(node); // no clipboard without a secure connection: Ctrl+C does the rest
    return "Selected: press Ctrl+C";
  }
}

function render({ model, el }) {
  const fold = el.appendChild(document.createElement("details"));
  fold.className = "cnnlab-code";
  fold.innerHTML = '<summary>Show the code</summary><div><button type="button">Copy</button><pre tabindex="0"></pre></div>';
  const [button, text] = [fold.querySelector("button"), fold.querySelector("pre")];
  text.setAttribute("aria-label", "Code that reproduces this picture");

  let stale = true;
  function show() {
    stale = true;
    if (!fold.open) return;
    stale = false;
    text.replaceChildren();
    paint(text, model.get("code"));
  }

  let timer = 0;
  button.addEventListener("click", async () => {
    button.textContent = await copy(model.get("code"), text);
    clearTimeout(timer);
    timer = setTimeout(() => (button.textContent = "Copy"), 1800);
  });
  fold.addEventListener("toggle", () => stale && show());
  model.on("change:code", show);
  show();
  return () => {
    clearTimeout(timer);
    model.off("change:code", show);
  };
}

export default { render };

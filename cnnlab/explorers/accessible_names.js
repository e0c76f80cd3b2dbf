// What core widgets lack: accessible names, and keys of their own. Shows nothing itself.
//
// `attributes` is a list of [selector, {attribute: value}], applied within the explorer whenever a part of it appears.

const explorerOf = (el) => el.closest(".cnnlab") ?? el.parentElement;

// JupyterLab takes single letters, arrows and Enter for commands on cells ("x" cuts one), even while a slider or a menu has the
// focus. Inside an explorer plain keys belong to the control; with Ctrl, Alt or Cmd, Shift+Enter and Escape stay JupyterLab's, but
// for an Escape that closes an open list.
function keepKeys(root) {
  return (event) => {
    if (!root.contains(event.target)) return;
    const command = event.ctrlKey || event.metaKey || event.altKey;
    const leaves = event.key === "Escape" && event.target.getAttribute("aria-expanded") !== "true";
    const theirs = command || leaves || (event.shiftKey && event.key === "Enter");
    event.target.toggleAttribute("data-lm-suppress-shortcuts", !theirs); // the sign by which it lets keys be
  };
}

function render({ model, el }) {
  el.style.display = "none";
  let root = null;
  let watcher = null;
  let keys = null;

  function name() {
    for (const [selector, attributes] of model.get("attributes")) {
      for (const node of root.querySelectorAll(selector)) {
        for (const [attribute, value] of Object.entries(attributes)) {
          if (node.getAttribute(attribute) !== value) node.setAttribute(attribute, value);
        }
      }
    }
  }

  // The view is not in the document yet while it is being made.
  const waiting = setInterval(() => el.isConnected && begin(), 30);
  function begin() {
    clearInterval(waiting);
    root = explorerOf(el);
    name();
    model.on("change:attributes", name);
    watcher = new MutationObserver(name);
    watcher.observe(root, { childList: true, subtree: true });
    keys = keepKeys(root);
    window.addEventListener("keydown", keys, true); // before JupyterLab, which listens on the document
  }

  return () => {
    clearInterval(waiting);
    watcher?.disconnect();
    if (keys) window.removeEventListener("keydown", keys, true);
    model.off("change:attributes", name);
  };
}

export default { render };

// What several widgets draw with; `read_script` in common.py puts this text before their own.

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// A new element within `parent`.
function make(parent, tag, className, attributes = {}) {
  const node = parent.appendChild(document.createElement(tag));
  node.className = className;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

// A picture from the bytes of a PNG; null where there is none.
async function decode(bytes) {
  return bytes?.byteLength ? createImageBitmap(new Blob([bytes])).catch(() => null) : null;
}


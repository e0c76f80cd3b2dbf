// "Show the code": the lines of Python that reproduce what is on show, as `cnnlab.explorers.snippet` writes them.

const ROOMS = ["attribution", "figures", "networks", "robustness", "units", "world"];

const names = (code, module) => new RegExp(`(?<![\\w."])${module}\\.`).test(code);

// The lines below the imports of what they name.
export function snippet(...lines) {
  const code = lines.join("\n");
  const rooms = ROOMS.filter((room) => names(code, room));
  const imports = ["torch", "cnnlab"].filter((module) => names(code, module)).map((module) => `import ${module}`);
  return [...imports, ...(rooms.length ? [`from cnnlab import ${rooms.join(", ")}`] : []), "", code].join("\n");
}

// A value as Python code.
export function literal(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  return typeof value === "number" ? String(Number(value.toPrecision(6))) : JSON.stringify(value);
}

// Options as keyword arguments.
export const call = (options) => Object.entries(options).map(([name, value]) => `${name}=${literal(value)}`).join(", ");

// A class by its name, or by its index where two classes have one name.
export function classLiteral(index, classes) {
  if (index === null) return "None";
  return literal(classes.indexOf(classes[index]) === classes.lastIndexOf(classes[index]) ? classes[index] : index);
}

// Its place among the probabilities.
export const classIndex = (index, classes) => {
  const name = classLiteral(index, classes);
  return name.startsWith('"') ? `model.class_names.index(${name})` : name;
};

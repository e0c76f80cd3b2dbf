// The adversarial explorer's answers: one step along the signs of the gradient, and the epsilon at which the prediction flips.

import { bars, latestOnly, rest } from "./kernel.js";
import { argmax, softmax } from "./networks.js";
import { tiles } from "./pictures.js";
import { signs as randomSigns } from "./random.js";
import { classLiteral, literal, snippet } from "./snippets.js";

const MOST = 32; // largest epsilon, in steps of 1/255
const POINTS = 16; // strengths tried before bisection
const TOLERANCE = 0.05; // of the flip, in steps of 1/255

export async function start(kernel) {
  const { get, set } = { get: kernel.get.bind(kernel), set: kernel.set.bind(kernel) };
  let [network, picture, image, clean, signs, attacked, logits, flip] = [];
  let run = 0;

  const attack = () => kernel.option("attack");
  const aim = () => kernel.choice("target");
  const along = (epsilon) => ({ side: image.side, pixels: image.pixels.map((value, i) => Math.min(Math.max(value + (epsilon / 255) * signs[i], 0), 1)) });

  // d loss / d x has the signs of the gradient of (softmax - one-hot) . logits; towards a class the other way.
  async function direction() {
    if (attack() === "random signs") return randomSigns(0, image.pixels.length);
    const goal = aim();
    const seed = clean.map((share, i) => share - (i === (goal ?? argmax(clean)) ? 1 : 0));
    const gradient = await network.gradient(image, seed);
    return gradient.map((value) => Math.sign(value) * (goal === null ? 1 : -1));
  }

  async function refresh() {
    [network, picture] = await Promise.all([kernel.network(), kernel.picture()]);
    image = await picture.at(network.side);
    [clean] = await network.probabilities([image]);
    await restart();
  }

  async function restart() {
    const mine = ++run;
    set("target", { disabled: attack() === "random signs" });
    set("flip_button", { disabled: true });
    set("flip_text", { value: "The epsilon at which the answer flips is being looked for." });
    signs = await direction();
    await paint();
    await rest(250); // while the controls are still moving there is nothing to look for
    if (mine === run) await search(mine);
  }

  async function search(mine) {
    const first = argmax(clean);
    const grid = Array.from({ length: POINTS + 1 }, (_, i) => (i * MOST) / POINTS);
    const shares = [clean];
    for (const epsilon of grid.slice(1)) {
      shares.push((await network.probabilities([along(epsilon)]))[0]);
      if (mine !== run) return;
    }
    const at = shares.findIndex((now) => argmax(now) !== first);
    let [low, high] = at < 0 ? [MOST, Infinity] : [grid[at - 1], grid[at]];
    while (high - low > TOLERANCE && high < Infinity) {
      const middle = (low + high) / 2;
      const [now] = await network.probabilities([along(middle)]);
      if (mine !== run) return;
      if (argmax(now) === first) low = middle;
      else high = middle;
    }
    flip = high;
    const name = network.classes[first];
    set("flip_button", { disabled: flip === Infinity });
    set("flip_text", { value: flip === Infinity ? `${name} holds up to epsilon ${MOST}.` : `The answer flips at epsilon <b>${flip.toFixed(2)}</b> of 255.` });
    const most = network.classes.map((_, i) => (i === first ? -1 : Math.max(...shares.map((now) => now[i]))));
    const rival = argmax(most);
    const lines = [first, rival].map((i) => ({ name: network.classes[i], values: shares.map((now) => now[i]) }));
    set("chart", { png: await curve(grid, lines, "epsilon, straight on"), alt: `Probability of ${name} and of ${network.classes[rival]} by epsilon.` });
  }

  const paint = latestOnly(async () => {
    const [epsilon, gain] = [get("epsilon"), get("amplification")];
    attacked = along(epsilon);
    [logits] = await network.logits([attacked]);
    const after = softmax(logits);
    const change = attacked.pixels.map((value, i) => value - image.pixels[i]);
    const shown = { side: image.side, pixels: change.map((value) => Math.min(Math.max(0.5 + (gain * value) / 2, 0), 1)) };
    const [before, now] = [clean, after].map((share) => network.classes[argmax(share)]);
    set("grid", { tiles: await tiles([image, attacked, shown]), captions: [`says ${before}`, `says ${now}`, `the change, x ${gain}`] });
    set("bars", { entries: bars(after, clean, network.classes, aim() ?? argmax(clean)) });
    const verdict = before === now ? `it still says ${before}` : `${before} has become ${now}`;
    const moved = 255 * change.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const length = Math.sqrt(change.reduce((sum, value) => sum + value * value, 0));
    kernel.status(`Epsilon ${epsilon}: ${verdict}. No pixel moved by more than ${moved.toFixed(1)} steps; the change is ${length.toFixed(2)} long.`);
  });

  function code() {
    const random = attack() === "random signs";
    const goal = random ? null : aim();
    const call = `${random ? "random_signs" : "fgsm"}(model, image, ${classLiteral(goal, network.classes)}`;
    return snippet(
      kernel.loading(),
      picture.code[network.side],
      `attacked = robustness.${call}, epsilon=${literal(get("epsilon"))} / 255${goal === null ? "" : ", targeted=True"})`,
      "with torch.inference_mode():",
      "    clean, now = model(torch.stack([image, attacked])).softmax(1)",
      "figures.attack_figure(image[None], attacked[None], clean[None], now[None], model.class_names)",
    );
  }

  function goToFlip() {
    const step = get("epsilon", "step");
    set("epsilon", { value: Math.min(Math.ceil(flip / step) * step, get("epsilon", "max")) });
    return paint();
  }

  kernel.on(["epsilon", "amplification"], paint);
  kernel.on(["attack", "target"], restart, "index");
  kernel.onClick("flip_button", goToFlip);
  await kernel.followPickers(refresh);
  await refresh();
  return { attacked: () => attacked, flip: () => flip, logits: () => logits, code };
}

// Shares in [0, 1] as lines over x, as the bytes of a PNG on no ground; the second line is dashed.
async function curve(x, lines, label) {
  const [width, height, left, bottom, scale] = [350, 230, 40, 40, 2];
  const canvas = new OffscreenCanvas(width * scale, height * scale);
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const place = (value, share) => [left + ((width - left - 12) * value) / x.at(-1), 10 + (height - bottom - 10) * (1 - share)];
  pen.font = "11px sans-serif";
  pen.fillStyle = pen.strokeStyle = "#444";
  for (const share of [0, 0.5, 1]) pen.fillText(share.toFixed(1), 14, place(0, share)[1] + 4);
  for (const value of [0, x.at(-1) / 2, x.at(-1)]) pen.fillText(String(value), place(value, 0)[0] - 6, height - bottom + 16);
  pen.fillText(label, width / 2 - 30, height - 6);
  pen.strokeRect(left, 10, width - left - 12, height - bottom - 10);
  lines.forEach(({ name, values }, i) => {
    pen.lineWidth = 2;
    pen.strokeStyle = ["#555", "#1f77d0"][i];
    pen.setLineDash(i ? [6, 4] : []);
    const key = 22 + 16 * i; // its name stands beside a piece of its line
    for (const points of [values.map((share, k) => place(x[k], share)), [[width - 165, key], [width - 141, key]]]) {
      pen.beginPath();
      points.forEach((point, k) => pen[k ? "lineTo" : "moveTo"](...point));
      pen.stroke();
    }
    pen.fillText(name, width - 135, key + 4);
  });
  return new DataView(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
}

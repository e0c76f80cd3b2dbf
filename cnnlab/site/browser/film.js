// Films: a slider, and a button that plays, over the frames of one sheet. A script of its own, so that it also runs in pages opened from a folder.

const PACE = 90; // milliseconds of a frame

for (const film of document.querySelectorAll(".film")) {
  const [frame, slider, told, play] = [".film-frame", "input", "output", "button"].map((part) => film.querySelector(part));
  const [said, columns] = [JSON.parse(film.dataset.said), Number(film.dataset.columns)];
  const rows = Math.ceil(said.length / columns);
  let playing = 0;

  function show() {
    const at = Number(slider.value);
    const share = (place, count) => (count > 1 ? (100 * place) / (count - 1) : 0);
    frame.style.backgroundPosition = `${share(at % columns, columns)}% ${share(Math.floor(at / columns), rows)}%`;
    told.textContent = said[at];
    slider.setAttribute("aria-valuetext", said[at]);
  }

  function stop() {
    clearInterval(playing);
    playing = 0;
    play.textContent = "Play";
  }

  function step() {
    if (slider.value === slider.max) return stop();
    slider.value = Number(slider.value) + 1;
    return show();
  }

  play.addEventListener("click", () => {
    if (playing) return stop();
    if (slider.value === slider.max) slider.value = 0;
    show();
    play.textContent = "Stop";
    playing = setInterval(step, PACE);
    return undefined;
  });
  slider.addEventListener("input", () => {
    stop();
    show();
  });
  show();
}

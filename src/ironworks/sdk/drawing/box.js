// The box that `iw.draw()` shows: a canvas to draw on, beside it what the model will see.
//
// `render({ model, el })` is what anywidget calls. `model` has `set(name, value)`, `save_changes()` and
// `on("change:seen", callback)`; "ink" goes to Python (bytes of SIDE × SIDE pixels, or none), "seen" comes from there
// (bytes of 28 × 28 pixels, or none). Licence: Apache-2.0.
const SIDE = 140;
const PEN = 12; // As wide for a digit that fills the box as the strokes in MNIST are.
const MODEL = 28;

function element(kind, properties, ...children) {
  const made = Object.assign(document.createElement(kind), properties);
  made.append(...children);
  return made;
}

function bytesOf(value) {
  if (!value) return new Uint8Array();
  return new Uint8Array(value.buffer ?? value, value.byteOffset ?? 0, value.byteLength);
}

/** The ink of a canvas: opaque pixels are 255. */
function inkOf(canvas) {
  const pixels = canvas.getContext("2d").getImageData(0, 0, SIDE, SIDE).data;
  return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => pixels[4 * i + 3]);
}

function show(canvas, seen) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(MODEL, MODEL);
  const bytes = bytesOf(seen);
  for (let i = 0; i < MODEL * MODEL; i++) {
    const grey = bytes.length ? bytes[i] : 0;
    image.data.set([grey, grey, grey, 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
}

function pen(canvas, finished) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  Object.assign(context, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: "#000" });
  let last = null;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
  };
  const line = (event) => {
    const next = place(event);
    context.beginPath();
    context.moveTo(...last);
    context.lineTo(...next);
    context.stroke();
    last = next;
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    line(event);
  });
  canvas.addEventListener("pointermove", (event) => last && line(event));
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (last) finished();
      last = null;
    });
  }
}

function render({ model, el }) {
  const paper = element("canvas", { className: "ironworks-paper", width: SIDE, height: SIDE, tabIndex: 0 });
  paper.setAttribute("role", "img");
  paper.setAttribute("aria-label", "Box to draw a digit in with mouse, pen or finger");
  const seen = element("canvas", { className: "ironworks-seen", width: MODEL, height: MODEL });
  seen.setAttribute("role", "img");
  seen.setAttribute("aria-label", "The digit as the model sees it, 28 by 28 pixels");
  const clear = element("button", { type: "button", textContent: "Clear" });
  const send = (ink) => {
    model.set("ink", new DataView(ink.buffer));
    model.save_changes();
  };
  pen(paper, () => send(inkOf(paper)));
  clear.addEventListener("click", () => {
    paper.getContext("2d").clearRect(0, 0, SIDE, SIDE);
    send(new Uint8Array());
  });
  const repaint = () => show(seen, model.get("seen"));
  model.on("change:seen", repaint);
  repaint();
  const caption = (text) => element("figcaption", { textContent: text });
  el.classList.add("ironworks-draw");
  el.append(
    element("figure", {}, paper, caption("Draw a digit here")),
    element("figure", {}, seen, caption("What the model sees")),
    clear,
  );
  return () => model.off?.("change:seen", repaint);
}

export default { render };

// The playground's picture: drawn or chosen here, and sent as the numbers that the model takes.

import { centred, inkOf } from "./digit.js";

const form = document.getElementById("picture");
if (form) {
  const size = { width: Number(form.dataset.width), height: Number(form.dataset.height) };
  const channels = Number(form.dataset.channels);
  const pad = document.getElementById("pad");
  const seen = document.getElementById("seen");
  const file = document.getElementById("image");
  const range = document.getElementById("range");
  let picture = null; // 0 … 1, in the order of the model's input

  const show = (values) => {
    picture = values;
    const context = seen.getContext("2d");
    const image = context.createImageData(size.width, size.height);
    const pixels = size.width * size.height;
    for (let at = 0; at < pixels; at += 1) {
      for (let channel = 0; channel < 3; channel += 1) {
        image.data[4 * at + channel] = values === null ? 0 : 255 * values[place(at, channel % channels, pixels)];
      }
      image.data[4 * at + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    const most = Number(range.value);
    form.elements.pixels.value = values === null ? "" : JSON.stringify(Array.from(values, (value) => rounded(value * most)));
  };

  const place = (pixel, channel, pixels) =>
    form.dataset.channelsFirst ? channel * pixels + pixel : pixel * channels + channel;

  if (pad) drawing(pad, (image) => { file.value = ""; show(centred(inkOf(image))); });

  file.addEventListener("change", async () => {
    if (!file.files.length) return;
    try {
      show(await decoded(file.files[0]));
    } catch {
      show(null);
      file.setCustomValidity("This file is not a picture that the browser can read.");
      file.reportValidity();
      file.setCustomValidity("");
    }
  });

  range.addEventListener("change", () => show(picture));

  document.getElementById("clear").addEventListener("click", () => {
    file.value = "";
    if (pad) wipe(pad);
    show(null);
  });

  async function decoded(blob) {
    const bitmap = await createImageBitmap(blob);
    if (form.dataset.digit) {
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      const context = canvas.getContext("2d");
      context.drawImage(bitmap, 0, 0);
      return centred(inkOf(context.getImageData(0, 0, bitmap.width, bitmap.height)));
    }
    const canvas = new OffscreenCanvas(size.width, size.height);
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, size.width, size.height);
    const { data } = context.getImageData(0, 0, size.width, size.height);
    const pixels = size.width * size.height;
    const values = new Float32Array(pixels * channels);
    for (let at = 0; at < pixels; at += 1) {
      const colours = [data[4 * at], data[4 * at + 1], data[4 * at + 2]].map((value) => value / 255);
      const wanted = channels === 3 ? colours : [0.299 * colours[0] + 0.587 * colours[1] + 0.114 * colours[2]];
      wanted.forEach((value, channel) => { values[place(at, channel, pixels)] = value; });
    }
    return values;
  }

  show(null);
}

function rounded(value) {
  return Math.round(value * 1e4) / 1e4;
}

/** Lets one draw on a canvas; `changed` gets its pixels after each stroke. */
function drawing(pad, changed) {
  const context = pad.getContext("2d", { willReadFrequently: true });
  let last = null;
  wipe(pad);

  const position = (event) => {
    const rect = pad.getBoundingClientRect();
    return {
      x: (event.clientX - rect.left) * (pad.width / rect.width),
      y: (event.clientY - rect.top) * (pad.height / rect.height),
    };
  };

  const line = (from, to) => {
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
  };

  pad.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pad.setPointerCapture(event.pointerId);
    Object.assign(context, { lineWidth: 22, lineCap: "round", lineJoin: "round", strokeStyle: "#000000" });
    last = position(event);
    line(last, last);
  });
  pad.addEventListener("pointermove", (event) => {
    if (last === null) return;
    for (const moment of event.getCoalescedEvents?.() ?? [event]) {
      const next = position(moment);
      line(last, next);
      last = next;
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    pad.addEventListener(end, () => {
      if (last === null) return;
      last = null;
      changed(context.getImageData(0, 0, pad.width, pad.height));
    });
  }
}

function wipe(pad) {
  const context = pad.getContext("2d");
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, pad.width, pad.height);
}

// A picture of a digit as MNIST has it: scaled by area to fit 20 × 20, put into 28 × 28 by its centre of mass.
// Ink is a number 0 … 1 for each pixel, row by row.

const SIDE = 28;
const BOX = 20;
const FAINTEST = 0.1;

/** The ink of a canvas's ImageData: how far each pixel is from the colour of its border. */
export function inkOf(image) {
  const { width, height, data } = image;
  const grey = new Float32Array(width * height);
  for (let at = 0; at < grey.length; at += 1) {
    const alpha = data[4 * at + 3] / 255;
    const value = (0.299 * data[4 * at] + 0.587 * data[4 * at + 1] + 0.114 * data[4 * at + 2]) / 255;
    grey[at] = value * alpha + 1 - alpha;
  }
  const paper = median(border(grey, width, height));
  const ink = grey.map((value) => Math.abs(value - paper));
  const strongest = ink.reduce((most, value) => Math.max(most, value), 0);
  return { width, height, values: strongest < FAINTEST ? ink.fill(0) : ink.map((value) => value / strongest) };
}

/** 784 values 0 … 1, or null where there is no ink. */
export function centred(ink) {
  const box = extent(ink);
  if (box === null) return null;
  const scale = BOX / Math.max(box.width, box.height);
  const width = Math.max(1, Math.round(box.width * scale));
  const height = Math.max(1, Math.round(box.height * scale));
  const small = shrunk(ink, box, width, height);
  const mass = centre(small, width, height);
  const left = Math.round(SIDE / 2 - mass.x);
  const top = Math.round(SIDE / 2 - mass.y);
  const digit = new Float32Array(SIDE * SIDE);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const column = x + left;
      const row = y + top;
      if (column >= 0 && column < SIDE && row >= 0 && row < SIDE) digit[row * SIDE + column] = small[y * width + x];
    }
  }
  return digit;
}

function border(values, width, height) {
  const found = [];
  for (let x = 0; x < width; x += 1) found.push(values[x], values[(height - 1) * width + x]);
  for (let y = 0; y < height; y += 1) found.push(values[y * width], values[y * width + width - 1]);
  return found;
}

function median(values) {
  return values.sort((one, other) => one - other)[values.length >> 1];
}

/** The smallest rectangle with all the ink. */
function extent({ width, height, values }) {
  let left = width, right = -1, top = height, bottom = -1;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (values[y * width + x] < FAINTEST) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** The mean of the ink that each pixel of the smaller picture covers, parts of pixels counted as parts. */
function shrunk(ink, box, width, height) {
  const small = new Float32Array(width * height);
  const columns = shares(box.width, width);
  const rows = shares(box.height, height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      let sum = 0;
      for (const [row, high] of rows[y]) {
        for (const [column, wide] of columns[x]) {
          sum += high * wide * ink.values[(box.top + row) * ink.width + box.left + column];
        }
      }
      small[y * width + x] = sum;
    }
  }
  return small;
}

/** For each of `count` equal parts of `length` pixels: the pixels in it, and which share of the part each is. */
function shares(length, count) {
  const size = length / count;
  return Array.from({ length: count }, (_, at) => {
    const found = [];
    for (let pixel = Math.floor(at * size); pixel < Math.min(length, Math.ceil((at + 1) * size)); pixel += 1) {
      const covered = Math.min(pixel + 1, (at + 1) * size) - Math.max(pixel, at * size);
      if (covered > 0) found.push([pixel, covered / size]);
    }
    return found;
  });
}

function centre(values, width, height) {
  let sum = 0, x = 0, y = 0;
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const value = values[row * width + column];
      sum += value;
      x += value * (column + 0.5);
      y += value * (row + 0.5);
    }
  }
  return { x: x / sum, y: y / sum };
}

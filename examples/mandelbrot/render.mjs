// Draws one horizontal strip of the picture that scene.txt describes: node render.mjs <strip>
// Writes strip-<n>.ppm (binary PPM, as wide as the picture) into the current folder.
import { readFileSync, writeFileSync } from 'node:fs';

const strip = Number(process.argv[2]);
const scene = Object.fromEntries(
  readFileSync('scene.txt', 'utf8')
    .split('\n')
    .filter((line) => line.includes('=') && !line.startsWith('#'))
    .map((line) => line.split('='))
    .map(([name, value]) => [name, Number(value)]),
);
const { width, height, strips, center_x: centerX, center_y: centerY, span, iterations } = scene;
const first = Math.floor((height * strip) / strips);
const last = Math.floor((height * (strip + 1)) / strips);
const step = span / width;

/** How fast the point leaves the disc of radius 16, as a smooth number of steps; -1 when it never does. */
const escapeTime = (cx, cy) => {
  let x = 0;
  let y = 0;
  for (let n = 0; n < iterations; n += 1) {
    const xx = x * x;
    const yy = y * y;
    if (xx + yy > 256) return n + 1 - Math.log2(Math.log2(xx + yy) / 2);
    y = 2 * x * y + cy;
    x = xx - yy + cx;
  }
  return -1;
};

/** A wave of color from deep blue over white to amber: three cosines that are out of step. */
const wave = (t, phase) => 0.5 + 0.5 * Math.cos(2 * Math.PI * (t + phase));
const color = (time) => {
  if (time < 0) return [0, 0, 0];
  const t = Math.sqrt(time) * 0.22;
  return [wave(t, 0.52), wave(t, 0.6), wave(t, 0.73)];
};

const pixels = Buffer.alloc(width * (last - first) * 3);
let tenthsTold = 0;
for (let row = first; row < last; row += 1) {
  for (let column = 0; column < width; column += 1) {
    const sum = [0, 0, 0];
    // Four samples a pixel smooth the edges.
    for (const [dx, dy] of [
      [0.25, 0.25],
      [0.75, 0.25],
      [0.25, 0.75],
      [0.75, 0.75],
    ]) {
      const x = centerX + (column + dx - width / 2) * step;
      const y = centerY + (row + dy - height / 2) * step;
      color(escapeTime(x, y)).forEach((value, channel) => (sum[channel] += value));
    }
    const at = ((row - first) * width + column) * 3;
    sum.forEach((value, channel) => (pixels[at + channel] = Math.round((value / 4) * 255)));
  }
  const tenths = Math.floor((5 * (row + 1 - first)) / (last - first));
  if (tenths > tenthsTold) {
    tenthsTold = tenths;
    console.log(`strip ${strip}: ${tenths * 20} % of ${last - first} rows`);
  }
}
writeFileSync(`strip-${strip}.ppm`, Buffer.concat([Buffer.from(`P6\n${width} ${last - first}\n255\n`), pixels]));

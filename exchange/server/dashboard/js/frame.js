// What has changed is drawn once per animation frame, however many messages came meanwhile. What that costs is measured.

const waiting = new Set();
let asked = false;
let heard = 0; // [ms] of messages since the last frame
export const frames = {count: 0, total: 0, worst: 0}; // [ms] of script

/** Let `draw` be called in the next frame, once. */
export function soon(draw) {
  waiting.add(draw);
  if (!asked) {
    asked = true;
    requestAnimationFrame(run);
  }
}

/** Do work that belongs to no frame; its time counts to the next one. */
export function counted(work) {
  const begin = performance.now();
  work();
  heard += performance.now() - begin;
}

function run() {
  const begin = performance.now();
  asked = false;
  const now = [...waiting];
  waiting.clear();
  for (const draw of now) draw();
  const took = performance.now() - begin + heard;
  heard = 0;
  frames.count += 1;
  frames.total += took;
  frames.worst = Math.max(frames.worst, took);
}

globalThis.perplab = {frames}; // for who measures: in the console, perplab.frames

/** The divider between photo and result, and zoom. For the dialog and the pages. */

const MAX_ZOOM = 4;
/** Ratios of width to height within which a picture is shown whole initially. */
const RATIOS = { min: 0.5, max: 1.6 };

const clamp = (/** @type {number} */ value, /** @type {number} */ least, /** @type {number} */ most) =>
  Math.min(most, Math.max(least, value));

/** Initializes the divider, which sets `--share` on the stage: 0 shows only the result, 1 only the photo.
 * @param {HTMLElement} stage with `[data-handle]` and a range input for the keyboard
 * @returns {(share: number) => void} moves it */
export function initDivider(stage) {
  const slider = /** @type {HTMLInputElement} */ (stage.querySelector("input[type=range]"));
  const handle = /** @type {HTMLElement} */ (stage.querySelector("[data-handle]"));
  const move = (/** @type {number} */ share) => {
    slider.value = `${share * 100}`;
    stage.style.setProperty("--share", `${Number(slider.value) / 100}`);
  };
  slider.oninput = () => move(Number(slider.value) / 100);
  handle.onpointerdown = (event) => {
    event.preventDefault(); // Selects no text, and lets the slider take the focus.
    handle.setPointerCapture(event.pointerId);
    slider.focus({ preventScroll: true });
  };
  handle.onpointermove = ({ pointerId, clientX }) => {
    if (!handle.hasPointerCapture(pointerId)) return;
    const { left, width } = stage.getBoundingClientRect();
    const share = clamp((clientX - left) / width, 0, 1);
    move(getComputedStyle(stage).direction === "rtl" ? 1 - share : share);
  };
  move(0);
  return move;
}

/** Moves the divider from the photo to the result once both are loaded, unless the shopper has moved it.
 * @param {HTMLElement} stage @param {(share: number) => void} move @param {Promise<unknown>} loaded */
export async function reveal(stage, move, loaded) {
  let isStopped = matchMedia("(prefers-reduced-motion: reduce)").matches;
  for (const name of ["pointerdown", "keydown", "input"]) stage.addEventListener(name, () => (isStopped = true), { once: true });
  await loaded;
  const startedAt = performance.now();
  const step = (/** @type {number} */ now) => {
    const done = clamp((now - startedAt - 400) / 900, 0, 1);
    if (isStopped || !stage.isConnected) return;
    move((1 - done) ** 3);
    if (done < 1) requestAnimationFrame(step);
  };
  step(startedAt);
}

/** Initializes pinch, double tap and drag, which set `--zoom`, `--x`, `--y` and `data-zoomed` on the stage.
 * @param {HTMLElement} stage @returns {{fit: (width: number, height: number) => void, toggle: () => boolean}}
 * `fit` resets the zoom for a picture of that size; `toggle` returns whether it is zoomed now */
export function initZoom(stage) {
  /** Touches, or the mouse. @type {Map<number, {x: number, y: number}>} */
  const pointers = new Map();
  let [scale, x, y, moved, tapped] = [1, 0, 0, 0, 0];

  /** @param {number} next the scale @param {number} [px] @param {number} [py] the fixed point */
  const set = (next, px = stage.clientWidth / 2, py = stage.clientHeight / 2) => {
    next = clamp(next, 1, MAX_ZOOM);
    x = clamp(px - ((px - x) * next) / scale, stage.clientWidth * (1 - next), 0);
    y = clamp(py - ((py - y) * next) / scale, stage.clientHeight * (1 - next), 0);
    scale = next;
    for (const [name, value] of Object.entries({ zoom: `${scale}`, x: `${x}px`, y: `${y}px` }))
      stage.style.setProperty(`--${name}`, value);
    stage.toggleAttribute("data-zoomed", scale > 1);
  };
  const toggle = (/** @type {number} */ px, /** @type {number} */ py) => set(scale > 1 ? 1 : 2.5, px, py);

  /** The pointers' center and distance. */
  const measure = () => {
    const [a, b = a] = [...pointers.values()];
    const { left, top } = stage.getBoundingClientRect();
    return { x: (a.x + b.x) / 2 - left, y: (a.y + b.y) / 2 - top, distance: Math.hypot(a.x - b.x, a.y - b.y) };
  };
  stage.onpointerdown = (event) => {
    if (/** @type {Element} */ (event.target).closest("[data-handle], button")) return;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    moved = 0;
  };
  stage.onpointermove = (event) => {
    if (!pointers.has(event.pointerId)) return;
    const before = measure();
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const now = measure();
    moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y) + Math.abs(now.distance - before.distance);
    if (scale > 1 || pointers.size > 1) {
      stage.setPointerCapture(event.pointerId);
      x += now.x - before.x;
      y += now.y - before.y;
      set(before.distance ? (scale * now.distance) / before.distance : scale, now.x, now.y);
    }
  };
  stage.onpointerup = (event) => {
    if (!pointers.has(event.pointerId)) return;
    const { x: px, y: py } = measure();
    const isTap = moved < 10 && pointers.size === 1;
    pointers.delete(event.pointerId);
    if (isTap && event.timeStamp - tapped < 350) toggle(px, py);
    tapped = isTap && event.timeStamp - tapped >= 350 ? event.timeStamp : 0;
  };
  stage.onpointercancel = (event) => void pointers.delete(event.pointerId);
  stage.onwheel = (event) => {
    if (!event.ctrlKey) return; // Browsers report a trackpad's pinch with Ctrl.
    event.preventDefault();
    const { left, top } = stage.getBoundingClientRect();
    set(scale * Math.exp(-event.deltaY / 100), event.clientX - left, event.clientY - top);
  };
  return {
    fit(width, height) {
      const ratio = width / height;
      stage.style.setProperty("--ratio", `${clamp(ratio, RATIOS.min, RATIOS.max)}`);
      [scale, x, y] = [1, 0, 0];
      set(Math.max(ratio / RATIOS.max, RATIOS.min / ratio, 1)); // A panorama starts at the height of the stage.
    },
    toggle() {
      set(scale > 1 ? 1 : 2.5);
      return scale > 1;
    },
  };
}

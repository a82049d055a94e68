/** Enhances a result page: the divider, zoom, previews without a reload, and sharing. */

const script = /** @type {HTMLElement | null} */ (document.querySelector("script[data-compare]"));
const stage = /** @type {HTMLElement | null} */ (document.querySelector("[data-stage]"));
const save = /** @type {HTMLAnchorElement | null} */ (document.querySelector("[data-save]"));

if (stage) enhance(stage);

/** @param {HTMLElement} stage */
async function enhance(stage) {
  initShare();
  /** @type {typeof import("./compare.js")} */
  let compare;
  try {
    compare = await import(script?.dataset.compare ?? "");
  } catch {
    stage.dataset.apart = ""; // Shows the pictures side by side, as without JavaScript.
    return;
  }
  // A tap zooms. The links are for browsers without JavaScript.
  for (const link of stage.querySelectorAll("a")) link.replaceWith(...link.childNodes);
  const picture = /** @type {HTMLImageElement} */ (stage.querySelector("[data-layer=after] img"));
  const zoom = compare.initZoom(stage);
  const fit = () => zoom.fit(Number(picture.getAttribute("width")), Number(picture.getAttribute("height")));
  fit();
  if (stage.querySelector("[data-handle]")) compare.initDivider(stage);
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (stage.querySelectorAll("[hidden]"))) element.hidden = false;
  const button = /** @type {HTMLElement} */ (stage.querySelector("[data-zoom]"));
  button.onclick = () => (button.ariaPressed = `${zoom.toggle()}`);
  initSamples(picture, fit);
}

/** Shows another preview on a click. @param {HTMLImageElement} picture @param {() => void} fit */
function initSamples(picture, fit) {
  const links = /** @type {HTMLAnchorElement[]} */ ([...document.querySelectorAll("a[data-sample]")]);
  for (const link of links)
    link.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      const { sample = "", download = "", width = "", height = "" } = link.dataset;
      Object.assign(picture, { src: sample, width, height });
      if (save) save.href = download;
      for (const other of links) other.ariaCurrent = other === link ? "true" : null;
      fit();
    };
}

function initShare() {
  const button = /** @type {HTMLElement | null} */ (document.querySelector("[data-share]"));
  if (!button || !navigator.canShare) return;
  button.hidden = false;
  button.onclick = async () => {
    const blob = await (await fetch(save?.href ?? "")).blob();
    const file = new File([blob], `try-on.${blob.type.slice(6)}`, blob);
    // Closing the system's share sheet is not an error.
    await navigator.share({ files: [file], url: button.dataset.share }).catch(() => {});
  };
}

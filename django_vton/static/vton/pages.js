/** What a result page can do only with JavaScript: the divider, zoom, previews without a reload, and sharing. */

const script = /** @type {HTMLElement | null} */ (document.querySelector("script[data-compare]"));
const stage = /** @type {HTMLElement | null} */ (document.querySelector("[data-stage]"));
const save = /** @type {HTMLAnchorElement | null} */ (document.querySelector("[data-save]"));

if (stage) upgrade(stage);

/** @param {HTMLElement} stage */
async function upgrade(stage) {
  share();
  /** @type {typeof import("./compare.js")} */
  let parts;
  try {
    parts = await import(script?.dataset.compare ?? "");
  } catch {
    stage.dataset.apart = ""; // The pictures stand side by side, as without JavaScript.
    return;
  }
  // A tap zooms; the links are for browsers without JavaScript.
  for (const link of stage.querySelectorAll("a")) link.replaceWith(...link.childNodes);
  const picture = /** @type {HTMLImageElement} */ (stage.querySelector("[data-layer=after] img"));
  const view = parts.zoom(stage);
  const fit = () => view.fit(Number(picture.getAttribute("width")), Number(picture.getAttribute("height")));
  fit();
  if (stage.querySelector("[data-handle]")) parts.compare(stage);
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (stage.querySelectorAll("[hidden]"))) part.hidden = false;
  const button = /** @type {HTMLElement} */ (stage.querySelector("[data-zoom]"));
  button.onclick = () => (button.ariaPressed = `${view.toggle()}`);
  samples(picture, fit);
}

/** Another preview takes the place of the large one. @param {HTMLImageElement} picture @param {() => void} fit */
function samples(picture, fit) {
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

function share() {
  const button = /** @type {HTMLElement | null} */ (document.querySelector("[data-share]"));
  if (!button || !navigator.canShare) return;
  button.hidden = false;
  button.onclick = async () => {
    const blob = await (await fetch(save?.href ?? "")).blob();
    const file = new File([blob], `try-on.${blob.type.slice(6)}`, blob);
    // Closing the system's sheet is no error.
    await navigator.share({ files: [file], url: button.dataset.share }).catch(() => {});
  };
}

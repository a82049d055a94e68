/** The result view: comparison, feedback, sharing, deleting and the cart. */

/** @import {Image, Session, TryOn} from "./types" */

/** @param {Session} session @param {TryOn} tryOn
 * @param {typeof import("./compare.js")} compare @param {boolean} isNew */
export function show(session, tryOn, compare, isNew) {
  const { images, photo, feedback } = tryOn;
  const stage = session.$("stage");
  const before = session.$("before");
  clearStored(session.modules.tryon.STORAGE_KEY, tryOn);
  session.showView("result");
  session.$("samples").replaceChildren(...(images.length > 1 ? images.map((image, index) => sampleButton(session, image, index)) : []));
  session.zoom = compare.initZoom(stage);
  selectImage(session, tryOn, 0);
  for (const part of [before.parentElement, session.$("compare"), session.$("handle")]) part.hidden = !photo;
  session.$("sure").hidden = true;
  if (photo) {
    const move = compare.initDivider(stage);
    before.src = photo.url;
    const loaded = Promise.all([session.$("after"), before].map((image) => image.decode()));
    if (isNew) compare.reveal(stage, move, loaded).catch(() => {}); // An image may be deleted by now.
  }
  showFeedback(session, feedback);
  showOffer(session, tryOn);
  session.$("share").hidden = !navigator.canShare;
  const expiresAt = photo?.kind === "own" && photo.expires_at;
  const isKept = session.$("keep").checked || session.start.photos.some(({ id }) => id === photo?.id);
  const deletion = expiresAt && isKept ? session.text("deleted", { when: session.formatTime(new Date(expiresAt)) }) : session.text("soon");
  session.$("photo-until").textContent = expiresAt ? deletion : "";
}

/** Hides the badge of a try-on that the shopper has seen, but not of another one. @param {string} key @param {TryOn} tryOn */
function clearStored(key, { id }) {
  try {
    if (JSON.parse(sessionStorage.getItem(key) ?? "null")?.id === id) sessionStorage.removeItem(key);
  } catch {
    // Storage may be forbidden.
  }
}

/** Shows the product, and one primary button. @param {Session} session @param {TryOn} tryOn */
function showOffer(session, { product_url }) {
  const { button } = session;
  const cart = cartElement(session);
  const form = cart instanceof HTMLFormElement ? cart : null;
  const isHere = new URL(product_url, location.href).pathname === location.pathname;
  session.$("price").textContent = button.getAttribute("price") ?? "";
  session.$("variant").textContent = button.getAttribute("variant") ?? (form ? describeSelection(form) : "");
  const label = form?.matches(":invalid") ? session.text("options") : button.getAttribute("cart-label");
  if (label) session.$("cart").textContent = label;
  session.$("cart").hidden = !cart;
  session.$("product-link").hidden = Boolean(cart) || !product_url || isHere;
  session.$("product-link").href = product_url;
  session.$("stay").hidden = Boolean(cart) || !isHere;
}

/** What the shopper has selected in the shop's own form, such as "Size: M". @param {HTMLFormElement} form */
function describeSelection(form) {
  const fields = /** @type {any[]} */ ([...form.elements]).filter((field) => field.value && (field.selectedOptions || field.checked));
  const selections = fields.map((field) => {
    const { selectedOptions, labels } = field;
    const name = selectedOptions ? labels[0] : field.closest("fieldset")?.querySelector("legend");
    // A label may contain its field, whose text does not belong to the label.
    const ownNodes = (/** @type {?Node} */ label) => [...(label?.childNodes ?? [])].filter((node) => !node.contains(field));
    const texts = [name, (selectedOptions ?? labels)[0]].map((label) => ownNodes(label).map((node) => node.textContent).join(" "));
    return texts.map((text) => text.trim()).filter(Boolean).join(": ");
  });
  return selections.join(", ");
}

/** @param {Session} session @returns {HTMLElement | null} the shop's own form, link or button that the template tag names */
function cartElement({ button }) {
  const id = button.getAttribute("cart");
  if (!id) return null;
  const found = document.getElementById(id);
  if (found?.matches("form, a, button, input")) return found;
  console.warn(`django-vton: cart="${id}" names no form, link or button of this page.`);
  return null;
}

/** @param {Session} session @param {Image} image @param {number} index */
function sampleButton(session, image, index) {
  const button = Object.assign(document.createElement("button"), { type: "button" });
  const picture = Object.assign(new Image(), { src: image.thumbnail_url, alt: session.text("sample", { number: `${index + 1}` }) });
  Object.assign(button.dataset, { do: "sample", id: `${index}` });
  button.part.add("sample");
  button.append(picture);
  return button;
}

/** @param {Session} session @param {TryOn} tryOn @param {number} index */
function selectImage(session, tryOn, index) {
  const { url, download_url, alt, width, height, flaw } = tryOn.images[index];
  session.$("result-problem").textContent = flaw?.message ?? "";
  session.zoom?.fit(width, height);
  Object.assign(session.$("after"), { src: url, alt, width, height });
  session.$("download").href = download_url;
  for (const [number, button] of [...session.$("samples").children].entries()) button.ariaPressed = `${number === index}`;
}

/** @param {Session} session @param {string | null} value @param {string} [reason] */
function showFeedback(session, value, reason = "") {
  for (const id of ["like", "dislike"]) session.$(id).ariaPressed = `${id === value}`;
  for (const button of session.all("[data-do=reason]")) button.ariaPressed = `${button.dataset.id === reason}`;
  session.$("why").hidden = value !== "dislike";
}

/** @param {Session} session @param {TryOn} tryOn @param {HTMLElement} button */
export async function act(session, tryOn, button) {
  const { api } = session;
  const url = `${api.tryOns}${tryOn.id}/`;
  const sendFeedback = (/** @type {object} */ body) =>
    api.request("PUT", `${url}feedback/`, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  switch (button.dataset.do) {
    case "sample":
      return selectImage(session, tryOn, Number(button.dataset.id));
    case "zoom":
      button.ariaPressed = `${session.zoom?.toggle()}`;
      return;
    case "like":
    case "dislike": {
      const value = button.ariaPressed === "true" ? null : button.dataset.do;
      showFeedback(session, value);
      await sendFeedback({ value });
      return;
    }
    case "reason": {
      const reason = button.ariaPressed === "true" ? null : button.dataset.id;
      showFeedback(session, "dislike", reason ?? "");
      await sendFeedback({ value: "dislike", reason });
      return;
    }
    case "share": {
      const blob = await (await fetch(session.$("download").href)).blob();
      const file = new File([blob], `try-on.${blob.type.slice(6)}`, blob);
      // Closing the system's share sheet is not an error.
      await navigator.share({ files: [file], url: tryOn.product_url }).catch(() => {});
      return;
    }
    case "delete":
      session.$("sure").hidden = false;
      return session.$("spare").focus(); // So that a key that is held down deletes nothing.
    case "spare":
      session.$("sure").hidden = true;
      return session.$("delete").focus();
    case "erase":
      await api.request("DELETE", url);
      session.tryOn = null;
      session.start = await api.start();
      return session.modules.choose.show(session, session.text("erased"));
    case "cart": {
      const cart = cartElement(session);
      if (!session.emit("add-to-cart", true)) return;
      session.dialog.close(); // The form may show a validation message.
      if (cart instanceof HTMLFormElement) cart.requestSubmit();
      else cart?.click();
    }
  }
}

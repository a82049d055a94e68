/** What a shopper does with a finished try-on. */

/** @import {Image, Session, TryOn} from "./types" */

/** The pictures beside the photo. @param {Session} session @param {TryOn} tryOn
 * @param {typeof import("./compare.js")} compare @param {boolean} isNew */
export function show(session, tryOn, compare, isNew) {
  const { images, photo, feedback } = tryOn;
  const stage = session.$("stage");
  const before = session.$("before");
  forget(session.modules.tryon.KEY, tryOn);
  session.view("result");
  session.$("samples").replaceChildren(...(images.length > 1 ? images.map((image, index) => sample(session, image, index)) : []));
  session.zoom = compare.zoom(stage);
  pick(session, tryOn, 0);
  for (const part of [before.parentElement, session.$("compare"), session.$("handle")]) part.hidden = !photo;
  session.$("sure").hidden = true;
  if (photo) {
    const move = compare.compare(stage);
    before.src = photo.url;
    const shown = Promise.all([session.$("after"), before].map((image) => image.decode()));
    if (isNew) compare.reveal(stage, move, shown).catch(() => {}); // One of them is gone.
  }
  liked(session, feedback);
  offer(session, tryOn);
  session.$("share").hidden = !navigator.canShare;
  const until = photo?.kind === "own" && photo.expires_at;
  const isKept = session.$("keep").checked || session.start.photos.some(({ id }) => id === photo?.id);
  const promised = until && isKept ? session.word("deleted", { when: session.when(new Date(until)) }) : session.word("soon");
  session.$("photo-until").textContent = until ? promised : "";
}

/** The badge tells no more of what is seen, but it does of another try-on. @param {string} key @param {TryOn} tryOn */
function forget(key, { id }) {
  try {
    if (JSON.parse(sessionStorage.getItem(key) ?? "null")?.id === id) sessionStorage.removeItem(key);
  } catch {
    // Storage can be forbidden.
  }
}

/** What can be bought, and the one main button. @param {Session} session @param {TryOn} tryOn */
function offer(session, { product_url }) {
  const { button } = session;
  const cart = cartOf(session);
  const form = cart instanceof HTMLFormElement ? cart : null;
  const isHere = new URL(product_url, location.href).pathname === location.pathname;
  session.$("price").textContent = button.getAttribute("price") ?? "";
  session.$("variant").textContent = button.getAttribute("variant") ?? (form ? chosen(form) : "");
  const own = form?.matches(":invalid") ? session.word("options") : button.getAttribute("cart-label");
  if (own) session.$("cart").textContent = own;
  session.$("cart").hidden = !cart;
  session.$("product-link").hidden = Boolean(cart) || !product_url || isHere;
  session.$("product-link").href = product_url;
  session.$("stay").hidden = Boolean(cart) || !isHere;
}

/** What is chosen in the shop's own form, such as "Size: M". @param {HTMLFormElement} form */
function chosen(form) {
  const fields = /** @type {any[]} */ ([...form.elements]).filter((it) => it.value && (it.selectedOptions || it.checked));
  const words = fields.map((field) => {
    const { selectedOptions, labels } = field;
    const name = selectedOptions ? labels[0] : field.closest("fieldset")?.querySelector("legend");
    // A label may stand around its field, whose own words are not the label's.
    const own = (/** @type {?Node} */ it) => [...(it?.childNodes ?? [])].filter((part) => !part.contains(field));
    const texts = [name, (selectedOptions ?? labels)[0]].map((it) => own(it).map((part) => part.textContent).join(" "));
    return texts.map((text) => text.trim()).filter(Boolean).join(": ");
  });
  return words.join(", ");
}

/** @param {Session} session @returns {HTMLElement | null} the shop's own form, link or button, which the tag named */
function cartOf({ button }) {
  const id = button.getAttribute("cart");
  if (!id) return null;
  const found = document.getElementById(id);
  if (found?.matches("form, a, button, input")) return found;
  console.warn(`django-vton: cart="${id}" names no form, link or button of this page.`);
  return null;
}

/** @param {Session} session @param {Image} image @param {number} index */
function sample(session, image, index) {
  const button = Object.assign(document.createElement("button"), { type: "button" });
  const picture = Object.assign(new Image(), { src: image.thumbnail_url, alt: session.word("sample", { number: `${index + 1}` }) });
  Object.assign(button.dataset, { do: "sample", id: `${index}` });
  button.part.add("sample");
  button.append(picture);
  return button;
}

/** Brings one of the pictures to the front. @param {Session} session @param {TryOn} tryOn @param {number} index */
function pick(session, tryOn, index) {
  const { url, download_url, alt, width, height } = tryOn.images[index];
  session.zoom?.fit(width, height);
  Object.assign(session.$("after"), { src: url, alt, width, height });
  session.$("download").href = download_url;
  for (const [at, button] of [...session.$("samples").children].entries()) button.ariaPressed = `${at === index}`;
}

/** @param {Session} session @param {string | null} value @param {string} [reason] */
function liked(session, value, reason = "") {
  for (const id of ["like", "dislike"]) session.$(id).ariaPressed = `${id === value}`;
  for (const button of session.all("[data-do=reason]")) button.ariaPressed = `${button.dataset.id === reason}`;
  session.$("why").hidden = value !== "dislike";
}

/** @param {Session} session @param {TryOn} tryOn @param {HTMLElement} button */
export async function act(session, tryOn, button) {
  const { api } = session;
  const url = `${api.tryOns}${tryOn.id}/`;
  const feedback = (/** @type {object} */ body) =>
    api.write("PUT", `${url}feedback/`, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  switch (button.dataset.do) {
    case "sample":
      return pick(session, tryOn, Number(button.dataset.id));
    case "zoom":
      button.ariaPressed = `${session.zoom?.toggle()}`;
      return;
    case "like":
    case "dislike": {
      const value = button.ariaPressed === "true" ? null : button.dataset.do;
      liked(session, value);
      await feedback({ value });
      return;
    }
    case "reason": {
      const reason = button.ariaPressed === "true" ? null : button.dataset.id;
      liked(session, "dislike", reason ?? "");
      await feedback({ value: "dislike", reason });
      return;
    }
    case "share": {
      const blob = await (await fetch(session.$("download").href)).blob();
      const file = new File([blob], `try-on.${blob.type.slice(6)}`, blob);
      // Leaving the system's sheet is no error.
      await navigator.share({ files: [file], url: tryOn.product_url }).catch(() => {});
      return;
    }
    case "delete":
      session.$("sure").hidden = false;
      return session.$("spare").focus(); // A key that is held down deletes nothing.
    case "spare":
      session.$("sure").hidden = true;
      return session.$("delete").focus();
    case "erase":
      await api.write("DELETE", url);
      session.tryOn = null;
      session.start = await api.start();
      return session.modules.choose.show(session, session.word("erased"));
    case "cart": {
      const cart = cartOf(session);
      if (!session.emit("add-to-cart", true)) return;
      session.dialog.close(); // The form may have something to ask.
      if (cart instanceof HTMLFormElement) cart.requestSubmit();
      else cart?.click();
    }
  }
}

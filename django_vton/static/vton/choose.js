/** Choosing a photo, and the form before it is sent. */

/** @import {Photo, Picture, Session} from "./types" */

/** The last new photo. For the same visitor, the next product of its kind starts with it.
 * @type {{kind: string, picture: Picture, visitor: string} | null} */
let lastPhoto = null;

/** @param {Session} session of a product without a try-on */
export function start(session) {
  const last = lastPhoto;
  show(session);
  const { start, dialog, api } = session;
  if (last?.kind === start.product.kind && last.visitor === api.visitor && dialog.dataset.state === "choose") check(session, last.picture);
}

/** The first order makes a guest a known visitor. @param {Session} session */
export function onSubmitted({ api }) {
  if (lastPhoto) lastPhoto.visitor = api.visitor;
}

/** @param {Session} session @param {string} [notice] what has just been done */
export function show(session, notice = "") {
  const { start } = session;
  const { quota } = start;
  session.selected = lastPhoto = null;
  if (!start.enabled) return session.showProblem(start.reason ?? "unavailable");
  if (quota?.remaining === 0) return session.showProblem("quota_exceeded", "", session.retryText(new Date(quota.resets_at)));
  session.showView("choose");
  session.$("done").textContent = notice;
  session.$("left").textContent = quota ? session.text(`left-${quota.remaining}`) : "";
  session.$("camera").hidden = !navigator.mediaDevices?.getUserMedia;
  for (const kind of ["own", "house"]) {
    const photos = availablePhotos(session).filter((photo) => photo.kind === kind);
    session.$(`${kind}-photos`).replaceChildren(...photos.map((photo) => photoCard(session, photo)));
    session.$(`${kind}-part`).hidden = !photos.length;
  }
}

/** Kept photos and house models that suit the product. @param {Session} session @returns {Photo[]} */
export function availablePhotos({ start: { photos, house_models, product } }) {
  return [...photos, ...house_models].filter(({ suits }) => !suits.length || suits.includes(product.kind));
}

/** @param {Session} session @param {Photo} photo */
function photoCard(session, photo) {
  const card = session.$("card").content.cloneNode(true);
  const name = photo.name || (photo.expires_at ? session.text("until", { when: session.formatTime(new Date(photo.expires_at)) }) : "");
  for (const image of card.querySelectorAll("img")) image.src = photo.thumbnail_url;
  for (const element of card.querySelectorAll("[data-name]")) element.textContent = name;
  for (const button of card.querySelectorAll("button")) {
    button.dataset.id = photo.id;
    button.hidden = button.dataset.do === "forget" && photo.kind !== "own";
  }
  return card;
}

/** @param {Session} session @param {FileList | null} [files] */
export async function addFile(session, files) {
  const file = files?.[0];
  if (!file || !/choose|check/.test(session.dialog.dataset.state ?? "")) return;
  const read = await session.modules.photo.prepare(file, session.start.limits);
  const picture = await import(session.dialog.dataset.check ?? "").then(({ check }) => check(session, file, read), () => read);
  session.$("file").value = "";
  if (typeof picture === "string") session.showProblem(picture);
  else check(session, picture);
}

/** @param {Session} session @param {Picture | Photo} selected */
export function check(session, selected) {
  const { consent, product } = session.start;
  const isNew = "blob" in selected;
  session.selected = selected;
  if (isNew) lastPhoto = { kind: product.kind, picture: selected, visitor: session.api.visitor };
  session.showView("check");
  session.$("preview").replaceChildren(preview(session, selected));
  session.$("own").hidden = !isNew;
  session.$("consent").checked = session.$("consent-part").hidden = !consent.required;
  session.$("consent-text").textContent = consent.text;
  session.$("consent-link").href = consent.url;
  session.$("consent-link").hidden = !consent.url;
}

/** The photo, or its name and size if the browser cannot read it.
 * @param {Session} session @param {Picture | Photo} selected @returns {Node} */
export function preview(session, selected) {
  if ("url" in selected) {
    const { url: src, width, height, name } = selected;
    return Object.assign(new Image(width, height), { src, alt: name || session.text("photo") });
  }
  if (selected.canvas) {
    selected.canvas.role = "img";
    selected.canvas.ariaLabel = session.text("photo");
    return selected.canvas;
  }
  const card = session.$("file-card").content.cloneNode(true);
  const size = { style: "unit", unit: "megabyte", maximumFractionDigits: 1 };
  card.querySelector("[data-name]").textContent = selected.name;
  card.querySelector("[data-size]").textContent = session.formatNumber(selected.blob.size / 1e6, size);
  return card;
}

/** @param {Session} session @returns {FormData | null} null while consent is missing */
export function createOrder(session) {
  const { selected, start } = session;
  const consent = session.$("consent");
  if (!selected) return null;
  const body = new FormData();
  body.set("product", session.product);
  if ("blob" in selected) {
    if (start.consent.required && !consent.checked) {
      session.showProblem("consent_required");
      consent.focus();
      return null;
    }
    body.set("photo", selected.blob, "photo");
    body.set("consent", "true");
    body.set("consent_version", start.consent.version);
    if (session.$("keep").checked) body.set("keep_photo", "true");
  } else body.set("photo_id", selected.id);
  for (const field of /** @type {any} */ (session.host.querySelectorAll("[name]"))) body.set(field.name, field.value);
  const fields = session.all("[data-option]").filter(({ value }) => value);
  const options = fields.map(({ name, value, dataset }) => [name, dataset.option === "choice" ? value : JSON.parse(value)]);
  if (options.length) body.set("options", JSON.stringify(Object.fromEntries(options)));
  return body;
}

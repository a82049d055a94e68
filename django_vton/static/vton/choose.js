/** Choosing a photo, and what is asked before it goes. */

/** @import {Photo, Picture, Session} from "./types" */

/** The last fresh one: the next product of its kind begins with it, for the same visitor.
 * @type {{kind: string, picture: Picture, visitor: string} | null} */
let recent = null;

/** @param {Session} session of a product not tried on yet */
export function begin(session) {
  const last = recent;
  show(session);
  const { start, dialog, api } = session;
  if (last?.kind === start.product.kind && last.visitor === api.visitor && dialog.dataset.state === "choose") check(session, last.picture);
}

/** The first order makes somebody a visitor who is known. @param {Session} session */
export function sent({ api }) {
  if (recent) recent.visitor = api.visitor;
}

/** @param {Session} session @param {string} [done] what has just been done */
export function show(session, done = "") {
  const { start } = session;
  const { quota } = start;
  session.picked = recent = null;
  if (!start.enabled) return session.problem(start.reason ?? "unavailable");
  if (quota?.remaining === 0) return session.problem("quota_exceeded", "", session.again(new Date(quota.resets_at)));
  session.view("choose");
  session.$("done").textContent = done;
  session.$("left").textContent = quota ? session.word(`left-${quota.remaining}`) : "";
  session.$("camera").hidden = !navigator.mediaDevices?.getUserMedia;
  for (const kind of ["own", "house"]) {
    const photos = known(session).filter((photo) => photo.kind === kind);
    session.$(`${kind}-photos`).replaceChildren(...photos.map((photo) => card(session, photo)));
    session.$(`${kind}-part`).hidden = !photos.length;
  }
}

/** Kept photos and house models that suit the product. @param {Session} session @returns {Photo[]} */
export function known({ start: { photos, house_models, product } }) {
  return [...photos, ...house_models].filter(({ suits }) => !suits.length || suits.includes(product.kind));
}

/** @param {Session} session @param {Photo} photo */
function card(session, photo) {
  const copy = session.$("card").content.cloneNode(true);
  const name = photo.name || (photo.expires_at ? session.word("until", { when: session.when(new Date(photo.expires_at)) }) : "");
  for (const image of copy.querySelectorAll("img")) image.src = photo.thumbnail_url;
  for (const place of copy.querySelectorAll("[data-name]")) place.textContent = name;
  for (const button of copy.querySelectorAll("button")) {
    button.dataset.id = photo.id;
    button.hidden = button.dataset.do === "forget" && photo.kind !== "own";
  }
  return copy;
}

/** @param {Session} session @param {FileList | null} [files] */
export async function take(session, files) {
  const file = files?.[0];
  if (!file || !/choose|check/.test(session.dialog.dataset.state ?? "")) return;
  const picture = await session.modules.photo.prepare(file, session.start.limits);
  session.$("file").value = "";
  if (typeof picture === "string") session.problem(picture);
  else check(session, picture);
}

/** @param {Session} session @param {Picture | Photo} picked */
export function check(session, picked) {
  const { consent, product } = session.start;
  const fresh = "blob" in picked;
  session.picked = picked;
  if (fresh) recent = { kind: product.kind, picture: picked, visitor: session.api.visitor };
  session.view("check");
  session.$("preview").replaceChildren(portrait(session, picked));
  session.$("own").hidden = !fresh;
  session.$("consent").checked = session.$("consent-part").hidden = !consent.required;
  session.$("consent-text").textContent = consent.text;
  session.$("consent-link").href = consent.url;
  session.$("consent-link").hidden = !consent.url;
}

/** What shows a photo; its name and size where the browser cannot read it.
 * @param {Session} session @param {Picture | Photo} picked @returns {Node} */
export function portrait(session, picked) {
  if ("url" in picked) {
    const { url: src, width, height, name } = picked;
    return Object.assign(new Image(width, height), { src, alt: name || session.word("photo") });
  }
  if (picked.canvas) {
    picked.canvas.role = "img";
    picked.canvas.ariaLabel = session.word("photo");
    return picked.canvas;
  }
  const copy = session.$("file-card").content.cloneNode(true);
  const size = { style: "unit", unit: "megabyte", maximumFractionDigits: 1 };
  copy.querySelector("[data-name]").textContent = picked.name;
  copy.querySelector("[data-size]").textContent = session.number(picked.blob.size / 1e6, size);
  return copy;
}

/** @param {Session} session @returns {FormData | null} null while consent is missing */
export function order(session) {
  const { picked, start } = session;
  const consent = session.$("consent");
  if (!picked) return null;
  const body = new FormData();
  body.set("product", session.product);
  if ("blob" in picked) {
    if (start.consent.required && !consent.checked) {
      session.problem("consent_required");
      consent.focus();
      return null;
    }
    body.set("photo", picked.blob, "photo");
    body.set("consent", "true");
    body.set("consent_version", start.consent.version);
    if (session.$("keep").checked) body.set("keep_photo", "true");
  } else body.set("photo_id", picked.id);
  for (const field of /** @type {any} */ (session.host.querySelectorAll("[name]"))) body.set(field.name, field.value);
  const options = session.all("[data-option]").filter(({ value }) => value);
  const wishes = options.map(({ name, value, dataset }) => [name, dataset.option === "choice" ? value : JSON.parse(value)]);
  if (wishes.length) body.set("options", JSON.stringify(Object.fromEntries(wishes)));
  return body;
}

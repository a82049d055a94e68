/** Choosing a photo, shrinking it, and what is asked before it goes. */

/** @import {Photo, Picture, Session, Start} from "./types" */

const STRIP = 128;

/** Sent last: the next product of its kind begins with it. @type {{kind: string, picture: Picture} | null} */
let recent = null;

/** In strips, between which the page can answer. @param {CanvasImageSource} source @param {number} width @param {number} height
 * @param {Start["limits"]} limits @returns {Promise<Picture>} */
async function draw(source, width, height, limits) {
  const scale = Math.min(1, limits.max_side / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false, willReadFrequently: true }));
  context.fillStyle = "#fff"; // Under what is transparent: JPEG would make it black.
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = scale < 0.4 ? "medium" : "low"; // Low loses detail below half the size, medium is slow.
  for (let top = 0; top < canvas.height; top += STRIP) {
    context.drawImage(source, 0, top / scale, width, STRIP / scale, 0, top, canvas.width, STRIP);
    context.getImageData(0, top, 1, 1); // Now, and not all together at the end.
    await new Promise((resolve) => setTimeout(resolve));
  }
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
  return { blob, canvas };
}

/** What is sent for a file: itself, where the shop alone can read it.
 * @param {File} file @param {Start["limits"]} limits @returns {Promise<Picture | string>} or what is wrong with it */
async function prepare(file, limits) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    // Some systems know no type for HEIC, only the name.
    if (!/hei[cf]$/i.test(file.type || file.name)) return /^image/.test(file.type) ? "photo_unreadable" : "photo_format";
    if (!limits.formats.includes("image/heic")) return "photo_format";
    return file.size > limits.max_bytes ? "photo_too_large" : { blob: file, canvas: null };
  }
  const { width, height } = bitmap;
  if (Math.min(width, height) < limits.min_side) return "photo_too_small";
  const picture = await draw(bitmap, width, height, limits);
  bitmap.close();
  return picture.blob ? picture : "photo_unreadable";
}

/** @param {HTMLVideoElement} video @returns {Promise<string | undefined>} why not */
export async function startCamera(video) {
  try {
    const picture = { facingMode: "user", width: { ideal: 1440 }, height: { ideal: 1920 } };
    const stream = await navigator.mediaDevices.getUserMedia({ video: picture, audio: false });
    stopCamera(video); // Asked twice.
    video.srcObject = stream;
    await video.play();
  } catch (error) {
    const { name } = /** @type {Error} */ (error);
    if (name === "AbortError") return undefined; // Left before it began.
    if (name === "NotFoundError" || name === "OverconstrainedError") return "camera_absent";
    if (name !== "NotAllowedError") return "camera_failed";
    // @ts-expect-error Only some browsers tell the two apart.
    return document.featurePolicy?.allowsFeature("camera") === false ? "camera_forbidden" : "camera_denied";
  }
}

/** @param {HTMLVideoElement} video */
export function stopCamera(video) {
  const stream = /** @type {MediaStream | null} */ (video.srcObject);
  stream?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
}

/** @param {HTMLVideoElement} video @param {Session} session @returns {Promise<Picture>} what the camera sees, not mirrored */
export const snap = (video, { start: { limits } }) => draw(video, video.videoWidth, video.videoHeight, limits);

/** @param {Session} session of a product not tried on yet */
export function begin(session) {
  const last = recent;
  show(session);
  const { start, dialog } = session;
  if (last?.kind === start.product.kind && dialog.dataset.state === "choose") check(session, last.picture);
}

/** @param {Session} session whose order was accepted */
export function sent({ picked, start }) {
  if (picked && "blob" in picked) recent = { kind: start.product.kind, picture: picked };
}

/** @param {Session} session */
export function show(session) {
  const { start } = session;
  const { quota } = start;
  session.picked = recent = null;
  if (!start.enabled) return session.problem(start.reason ?? "unavailable");
  if (quota?.remaining === 0) return session.problem("quota_exceeded", "", session.again(new Date(quota.resets_at)));
  session.view("choose");
  session.$("left").textContent = quota && quota.remaining < 4 ? session.word("left", { count: `${quota.remaining}` }) : "";
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
  const picture = await prepare(file, session.start.limits);
  session.$("file").value = "";
  if (typeof picture === "string") session.problem(picture);
  else check(session, picture);
}

/** @param {Session} session @param {Picture | Photo} picked */
export function check(session, picked) {
  const { consent } = session.start;
  const fresh = "blob" in picked;
  const image = fresh ? picked.canvas : Object.assign(new Image(), { src: picked.url, alt: picked.name });
  session.picked = picked;
  session.view("check");
  session.$("preview").replaceChildren(...(image ? [image] : []));
  session.$("own").hidden = !fresh;
  session.$("consent-part").hidden = !consent.required;
  session.$("consent-text").textContent = consent.text;
  session.$("consent-link").href = consent.url;
  session.$("consent-link").hidden = !consent.url;
}

/** @param {Session} session @returns {FormData | null} null while consent is missing, which is said */
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
    if (session.$("keep").checked) body.set("keep_photo", "true");
  } else body.set("photo_id", picked.id);
  for (const field of /** @type {any} */ (session.host.querySelectorAll("[name]"))) body.set(field.name, field.value);
  const options = session.all("[data-option]").filter(({ value }) => value);
  const wishes = options.map(({ name, value, dataset }) => [name, dataset.option === "choice" ? value : JSON.parse(value)]);
  if (wishes.length) body.set("options", JSON.stringify(Object.fromEntries(wishes)));
  return body;
}

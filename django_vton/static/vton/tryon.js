/** A try-on, from the order to its pictures. */

/** @import {Image, Session, TryOn} from "./types" */

const KEY = "vton"; // As in button.js.

const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

/** Also while the dialog is closed. @param {Session} session @param {FormData} body @param {string} [key] of a call that may have been heard */
export async function send(session, body, key = newKey()) {
  const { api, dialog } = session;
  session.order = { body, key };
  session.tryOn = null;
  session.sending = true;
  session.view("waiting");
  session.$("cancel").hidden = session.$("person").hidden = true;
  session.$("typical").textContent = "";
  const onProgress = (/** @type {number} */ share) => tell(session, "sending", share * 0.1);
  const order = { body, headers: { "Idempotency-Key": key }, onProgress };
  onProgress(0);
  try {
    const tryOn = (session.tryOn = (await api.write("POST", api.tryOns, order)).data);
    session.modules.choose.sent(session);
    remember(tryOn);
    session.emit("submitted");
  } catch (error) {
    session.emit("failed", false, session.fail(error));
  }
  session.sending = false;
  if (!dialog.open) session.end();
  else if (session.tryOn) await follow(session, session.tryOn);
}

/** @param {Session} session @param {string} word @param {number} done from 0 to 1 */
function tell(session, word, done) {
  const text = session.word(word);
  if (session.$("state").textContent !== text) session.$("state").textContent = text; // A live region: only news.
  session.$("progress").value = done;
}

/** Waits for a try-on, for as long as the dialog is open. @param {Session} session @param {TryOn} tryOn */
export async function follow(session, tryOn) {
  const { api, dialog, modules, start } = session;
  const { isOver } = modules.api;
  session.tryOn = tryOn;
  if (isOver(tryOn)) return over(session, tryOn);
  remember(tryOn);
  session.view("waiting");
  session.$("cancel").hidden = false;
  session.$("person").hidden = !tryOn.photo;
  session.$("person").src = tryOn.photo?.url ?? "";
  const typical = tryOn.typical_seconds || start.typical_seconds || 20;
  session.$("typical").textContent = session.word("typical", { seconds: `${Math.max(2, Math.round(typical))}` });
  const wanted = () => dialog.open && session.tryOn?.id === tryOn.id && !isOver(session.tryOn);
  let began = 0;
  const tick = () => {
    if (!wanted()) return;
    const { status, progress } = session.tryOn ?? tryOn;
    if (status === "queued") return tell(session, status, progress);
    const share = (Date.now() - (began ||= Date.now())) / typical / 1000;
    const word = share > 2 ? "late" : share > 0.8 ? "nearly" : status;
    tell(session, word, Math.max(progress, 0.95 - 0.85 * Math.exp(-2 * share))); // Never full before it is.
  };
  const clock = setInterval(tick, 500);
  tick();
  try {
    await api.watch(tryOn.id, (news) => (isOver(news) ? over(session, news) : (session.tryOn = news)), wanted);
  } catch (error) {
    remember(null); // Erased elsewhere.
    session.tryOn = null;
    throw error;
  } finally {
    clearInterval(clock);
  }
}

/** @param {Session} session @param {TryOn} tryOn which has just ended */
export function over(session, tryOn) {
  session.tryOn = tryOn;
  remember(null);
  if (tryOn.status === "canceled") return session.modules.choose.show(session);
  session.emit(tryOn.status);
  session.show(tryOn);
}

/** For the badge, on any page. @param {TryOn | null} tryOn */
function remember(tryOn) {
  try {
    if (!tryOn) return sessionStorage.removeItem(KEY);
    const { id, product, status } = tryOn;
    sessionStorage.setItem(KEY, JSON.stringify({ id, product, status }));
  } catch {
    // Storage can be forbidden; the next opening finds it all the same.
  }
}

/** The pictures beside the photo. @param {Session} session @param {TryOn} tryOn */
export function show(session, tryOn) {
  const { images, photo, feedback } = tryOn;
  const slider = session.$("compare");
  const before = session.$("before");
  session.view("result");
  session.$("samples").replaceChildren(...(images.length > 1 ? images.map((image, index) => sample(session, image, index)) : []));
  pick(session, tryOn, 0);
  slider.hidden = before.hidden = session.$("compare-hint").hidden = !photo;
  session.$("sure").hidden = true;
  if (photo) before.src = photo.url;
  slider.value = 0;
  slider.oninput = () => session.$("stage").style.setProperty("--share", `${slider.value / 100}`);
  slider.oninput();
  liked(session, feedback);
  const form = cartForm(session);
  session.$("cart").hidden = !form;
  session.$("product-link").hidden = Boolean(form) || !tryOn.product_url;
  session.$("product-link").href = tryOn.product_url;
  session.$("share").hidden = !navigator.canShare;
  const until = photo?.kind === "own" && photo.expires_at;
  const isKept = session.$("keep").checked || session.start.photos.some(({ id }) => id === photo?.id);
  const promised = until && isKept ? session.word("deleted", { when: session.when(new Date(until)) }) : session.word("soon");
  session.$("photo-until").textContent = until ? promised : "";
}

/** @param {Session} session @returns {HTMLFormElement | null} the shop's own, which the tag named */
function cartForm(session) {
  const form = document.getElementById(session.button.getAttribute("cart") ?? "");
  return form instanceof HTMLFormElement ? form : null;
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
  Object.assign(session.$("after"), { src: url, alt, width, height });
  session.$("download").href = download_url;
  for (const [at, button] of [...session.$("samples").children].entries()) button.ariaPressed = `${at === index}`;
}

/** @param {Session} session @param {string | null} value */
function liked(session, value) {
  for (const id of ["like", "dislike"]) session.$(id).ariaPressed = `${id === value}`;
}

/** @param {Session} session @param {TryOn} tryOn @param {HTMLElement} button */
export async function act(session, tryOn, button) {
  const { api } = session;
  switch (button.dataset.do) {
    case "sample":
      return pick(session, tryOn, Number(button.dataset.id));
    case "like":
    case "dislike": {
      const value = button.ariaPressed === "true" ? null : button.dataset.do;
      liked(session, value);
      const headers = { "Content-Type": "application/json" };
      await api.write("PUT", `${api.tryOns}${tryOn.id}/feedback/`, { body: JSON.stringify({ value }), headers });
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
      return session.$("sure").focus();
    case "erase":
      await api.write("DELETE", `${api.tryOns}${tryOn.id}/`);
      session.tryOn = null;
      session.start = await api.start();
      return session.modules.choose.show(session);
    case "cart": {
      const form = cartForm(session);
      if (!session.emit("add-to-cart", true)) return;
      session.dialog.close(); // The form may have something to ask.
      form?.requestSubmit();
    }
  }
}

/** A try-on from the order to its end. */

/** @import {Session, TryOn} from "./types" */

export const STORAGE_KEY = "vton"; // As in button.js.

const newIdempotencyKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

/** Also while the dialog is closed. @param {Session} session @param {FormData} body @param {string} [key] */
export async function submit(session, body, key = newIdempotencyKey()) {
  const { api, dialog, modules, selected } = session;
  session.lastOrder = { body, key };
  session.tryOn = null;
  session.isSending = true;
  session.showView("waiting");
  session.$("cancel").hidden = true;
  session.$("typical").textContent = "";
  session.$("person").replaceChildren(...(selected ? [modules.choose.preview(session, selected)] : []));
  const onProgress = (/** @type {number} */ share) => showProgress(session, "sending", share * 0.1);
  onProgress(0);
  try {
    const answer = await api.request("POST", api.tryOns, { body, headers: { "Idempotency-Key": key }, onProgress });
    const tryOn = (session.tryOn = answer.data);
    api.setVisitor(answer);
    modules.choose.onSubmitted(session);
    store(tryOn);
    session.emit("submitted");
  } catch (error) {
    const code = session.showError(error);
    session.emit("failed", false, code);
    if (selected && code === "consent_required") {
      session.start = await api.start();
      modules.choose.check(session, selected);
      session.showProblem(code);
    }
  }
  session.isSending = false;
  if (!dialog.open) session.remove();
  else if (session.tryOn) await follow(session, session.tryOn);
}

/** @param {Session} session @param {string} name of the text @param {number} done from 0 to 1 */
function showProgress(session, name, done) {
  const text = session.text(name);
  if (session.$("state").textContent !== text) session.$("state").textContent = text; // A live region.
  session.$("progress").value = done;
}

/** Waits for a try-on while the dialog is open. @param {Session} session @param {TryOn} tryOn */
export async function follow(session, tryOn) {
  const { api, dialog, modules, start } = session;
  const { hasEnded } = modules.api;
  session.tryOn = tryOn;
  if (hasEnded(tryOn)) return finish(session, tryOn);
  store(tryOn);
  loadResultModules(session).catch(() => {}); // In advance.
  if (dialog.dataset.state !== "waiting") {
    session.showView("waiting");
    session.$("person").replaceChildren(...(tryOn.photo ? [modules.choose.preview(session, tryOn.photo)] : []));
  }
  session.$("cancel").hidden = false;
  const typicalSeconds = tryOn.typical_seconds || start.typical_seconds || 20;
  const unit = { style: "unit", unit: "second", unitDisplay: "long" };
  const time = session.formatNumber(Math.max(2, Math.round(typicalSeconds)), unit);
  session.$("typical").textContent = session.text("typical", { time });
  const isWanted = () => dialog.open && session.tryOn?.id === tryOn.id && !hasEnded(session.tryOn);
  let startedAt = 0;
  const update = () => {
    if (!isWanted()) return;
    const { status, progress } = session.tryOn ?? tryOn;
    for (const hint of session.all(".hint")) hint.hidden = status !== "queued";
    if (status === "queued") return showProgress(session, status, progress);
    const share = (Date.now() - (startedAt ||= Date.now())) / typicalSeconds / 1000;
    const name = share > 2 ? "late" : share > 0.8 ? "nearly" : status;
    showProgress(session, name, Math.max(progress, 0.95 - 0.85 * Math.exp(-2 * share))); // Never full before the end.
  };
  const timer = setInterval(update, 500);
  update();
  try {
    await api.poll(tryOn.id, (latest) => (hasEnded(latest) ? finish(session, latest) : (session.tryOn = latest)), isWanted);
  } catch (error) {
    store(null); // Erased elsewhere.
    session.tryOn = null;
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/** @param {Session} session @param {TryOn} tryOn which has just ended */
export function finish(session, tryOn) {
  session.tryOn = tryOn;
  store(null);
  if (tryOn.status === "canceled") return session.modules.choose.show(session);
  session.emit(tryOn.status);
  return session.showTryOn(tryOn, true);
}

/** For the badge on any page. @param {TryOn | null} tryOn */
export function store(tryOn) {
  try {
    if (!tryOn) return sessionStorage.removeItem(STORAGE_KEY);
    const { id, product, status } = tryOn;
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify({ id, product, status }));
  } catch {
    // Storage may be forbidden. The dialog finds the try-on anyway.
  }
}

/** What only a result needs. @param {Session} session
 * @returns {Promise<[typeof import("./result.js"), typeof import("./compare.js")]>} */
export const loadResultModules = ({ dialog: { dataset } }) => Promise.all([import(dataset.result ?? ""), import(dataset.compare ?? "")]);

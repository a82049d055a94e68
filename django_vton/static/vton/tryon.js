/** A try-on, from the order to its end. */

/** @import {Session, TryOn} from "./types" */

export const KEY = "vton"; // As in button.js.

const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

/** Also while the dialog is closed. @param {Session} session @param {FormData} body @param {string} [key] */
export async function send(session, body, key = newKey()) {
  const { api, dialog, modules, picked } = session;
  session.order = { body, key };
  session.tryOn = null;
  session.sending = true;
  session.view("waiting");
  session.$("cancel").hidden = true;
  session.$("typical").textContent = "";
  session.$("person").replaceChildren(...(picked ? [modules.choose.portrait(session, picked)] : []));
  const onProgress = (/** @type {number} */ share) => tell(session, "sending", share * 0.1);
  const order = { body, headers: { "Idempotency-Key": key }, onProgress };
  onProgress(0);
  try {
    const answer = await api.write("POST", api.tryOns, order);
    const tryOn = (session.tryOn = answer.data);
    api.knows(answer);
    modules.choose.sent(session);
    remember(tryOn);
    session.emit("submitted");
  } catch (error) {
    const code = session.fail(error);
    session.emit("failed", false, code);
    if (picked && code === "consent_required") {
      session.start = await api.start();
      modules.choose.check(session, picked);
      session.problem(code);
    }
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
  parts(session).catch(() => {}); // While there is time.
  if (dialog.dataset.state !== "waiting") {
    session.view("waiting");
    session.$("person").replaceChildren(...(tryOn.photo ? [modules.choose.portrait(session, tryOn.photo)] : []));
  }
  session.$("cancel").hidden = false;
  const typical = tryOn.typical_seconds || start.typical_seconds || 20;
  const unit = { style: "unit", unit: "second", unitDisplay: "long" };
  session.$("typical").textContent = session.word("typical", { time: session.number(Math.max(2, Math.round(typical)), unit) });
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
  return session.show(tryOn, true);
}

/** For the badge, on any page. @param {TryOn | null} tryOn */
export function remember(tryOn) {
  try {
    if (!tryOn) return sessionStorage.removeItem(KEY);
    const { id, product, status } = tryOn;
    sessionStorage.setItem(KEY, JSON.stringify({ id, product, status }));
  } catch {
    // Storage can be forbidden; the next opening finds it all the same.
  }
}

/** What only a result needs. @param {Session} session @returns {Promise<[typeof import("./result.js"), typeof import("./compare.js")]>} */
export const parts = ({ dialog: { dataset } }) => Promise.all([import(dataset.result ?? ""), import(dataset.compare ?? "")]);

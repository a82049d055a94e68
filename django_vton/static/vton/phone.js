/** Continues a try-on on the shopper's phone by a QR code, and shows the try-on that the phone orders. */

/** @import {Session} from "./types" */

const POLL_MS = 3000;

/** The number of this page's newest code. Older codes are no longer polled. */
let newestCode = 0;

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Shows a new code until the shopper leaves, the code expires or the phone orders a try-on. @param {Session} session */
export async function start(session) {
  const { api, dialog, modules } = session;
  const number = ++newestCode;
  const isWanted = () => number === newestCode && dialog.open && dialog.dataset.state === "phone";
  session.showView("phone");
  showStatus(session, "");
  const link = await createLink(session);
  if (!link || !isWanted()) return;
  const code = session.$("phone-code");
  code.src = link.code_url;
  for (let status = "waiting"; ; ) {
    showStatus(session, status);
    code.hidden = status === "used" || status === "expired";
    if (status === "expired") return;
    await sleep(POLL_MS);
    while (document.hidden && isWanted()) await sleep(POLL_MS);
    if (!isWanted()) return;
    const latest = await fetchStatus(session, link.id);
    if (!isWanted()) return;
    if (latest.try_on) return modules.tryon.follow(session, (await api.request("GET", `${api.tryOns}${latest.try_on}/`)).data);
    status = latest.status;
  }
}

/** @param {Session} session @returns {Promise<{id: string, code_url: string} | null>} null after a refusal, which is shown */
async function createLink(session) {
  const { api, dialog, modules } = session;
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ product: session.product });
  try {
    return (await api.request("POST", dialog.dataset.phone ?? "", { body, headers })).data;
  } catch (error) {
    // Too many codes. The message for too many try-ons does not fit.
    if (!(error instanceof modules.api.Refused) || error.code !== "quota_exceeded") throw error;
    session.$("phone-problem").textContent = error.detail;
    return null;
  }
}

/** A missing code has expired, or another tab has shown a newer one.
 * @param {Session} session @param {string} id @returns {Promise<{status: string, try_on: string | null}>} */
async function fetchStatus({ api, dialog, modules }, id) {
  try {
    return (await api.request("GET", `${dialog.dataset.phone}${id}/`)).data;
  } catch (error) {
    if (!(error instanceof modules.api.Refused) || error.code !== "not_found") throw error;
    return { status: "expired", try_on: null };
  }
}

/** @param {Session} session @param {string} status of the code; "" while there is none */
function showStatus(session, status) {
  const message = session.$("phone-words").content.querySelector(`[data-state="${status}"]`);
  const text = message?.textContent?.trim() ?? "";
  const element = session.$("phone-state");
  if (element.textContent !== text) element.textContent = text; // A live region announces each change.
  session.$("phone-again").hidden = status !== "expired";
  session.$("phone-steps").hidden = status === "used" || status === "expired";
  if (!status) session.$("phone-code").hidden = true;
}

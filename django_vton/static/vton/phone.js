/** Hands the try-on to the shopper's phone by a QR code, and follows what the phone asks for. */

/** @import {Session} from "./types" */

const POLL_MS = 3000;

/** The newest code of this page; an older one is not followed any more. */
let newest = 0;

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Shows a new code until the shopper leaves, it expires, or the phone's try-on is there. @param {Session} session */
export async function start(session) {
  const { api, dialog, modules } = session;
  const number = ++newest;
  const wanted = () => number === newest && dialog.open && dialog.dataset.state === "phone";
  session.view("phone");
  say(session, "");
  const link = await create(session);
  if (!link || !wanted()) return;
  const code = session.$("phone-code");
  code.src = link.code_url;
  for (let told = "waiting"; ; ) {
    say(session, told);
    code.hidden = told === "used" || told === "expired";
    if (told === "expired") return;
    await sleep(POLL_MS);
    while (document.hidden && wanted()) await sleep(POLL_MS);
    if (!wanted()) return;
    const { status, try_on } = await look(session, link.id);
    if (!wanted()) return;
    if (try_on) return modules.tryon.follow(session, (await api.write("GET", `${api.tryOns}${try_on}/`)).data);
    told = status;
  }
}

/** Null where the shop refuses, which is said. @param {Session} session @returns {Promise<{id: string, code_url: string} | null>} */
async function create(session) {
  const { api, dialog, modules } = session;
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ product: session.product });
  try {
    return (await api.write("POST", dialog.dataset.phone ?? "", { body, headers })).data;
  } catch (error) {
    // Of codes, not of try-ons.
    if (!(error instanceof modules.api.Refused) || error.code !== "quota_exceeded") throw error;
    session.$("phone-problem").textContent = error.detail;
    return null;
  }
}

/** A code that is not there any more has expired, or another tab has shown a newer one.
 * @param {Session} session @param {string} id @returns {Promise<{status: string, try_on: string | null}>} */
async function look({ api, dialog, modules }, id) {
  try {
    return (await api.write("GET", `${dialog.dataset.phone}${id}/`)).data;
  } catch (error) {
    if (!(error instanceof modules.api.Refused) || error.code !== "not_found") throw error;
    return { status: "expired", try_on: null };
  }
}

/** @param {Session} session @param {string} told the state of the code; "" while there is none */
function say(session, told) {
  const words = session.$("phone-words").content.querySelector(`[data-state="${told}"]`);
  const text = words?.textContent?.trim() ?? "";
  const place = session.$("phone-state");
  if (place.textContent !== text) place.textContent = text; // A live region: only news.
  session.$("phone-again").hidden = told !== "expired";
  session.$("phone-steps").hidden = told === "used" || told === "expired";
  if (!told) session.$("phone-code").hidden = true;
}

/** The admin's batch pages: live numbers, review by keyboard and publishing in steps. The pages work without it. */

const POLL_MS = 3000;
const MAX_POLL_MS = 60000;

/** Updates the numbers every few seconds while the page is visible, until the batch has ended. @param {HTMLElement} box */
function pollProgress(box) {
  let wait = POLL_MS;
  let timer = 0;
  let hasEnded = false;

  async function poll() {
    clearTimeout(timer);
    if (hasEnded || document.hidden) return;
    try {
      const answer = await fetch(/** @type {string} */ (box.dataset.vtonProgress), { headers: { Accept: "application/json" } });
      if (answer.redirected || answer.status === 403 || answer.status === 404) return; // Logged out. The reload link leads to the login.
      if (!answer.ok) throw new Error(String(answer.status));
      const { parts, is_live: isLive } = await answer.json();
      for (const part of /** @type {NodeListOf<HTMLElement>} */ (box.querySelectorAll("[data-vton-part]"))) {
        update(part, parts[/** @type {string} */ (part.dataset.vtonPart)]);
      }
      wait = POLL_MS;
      hasEnded = !isLive;
      if (hasEnded) box.querySelector(".vton-reload")?.remove();
    } catch {
      wait = Math.min(MAX_POLL_MS, wait * 2);
    }
    clearTimeout(timer); // Another poll may have set a timer in the meantime.
    if (!hasEnded) timer = setTimeout(poll, wait);
  }

  document.addEventListener("visibilitychange", poll);
  timer = setTimeout(poll, POLL_MS);
}

/** Replaces the HTML only if it has changed, so that a screen reader announces nothing twice. Keeps the focus. @param {HTMLElement} part @param {string} html */
function update(part, html) {
  if (part.dataset.vtonSeen === html || normalize(part.innerHTML) === normalize(html)) return;
  const focused = part.contains(document.activeElement) ? document.activeElement?.id : "";
  part.innerHTML = html;
  part.dataset.vtonSeen = html;
  if (focused) document.getElementById(focused)?.focus();
}

/** Without the CSRF tokens, which differ in each response. @param {string} html */
function normalize(html) {
  return html.replace(/value="\w{64}"/g, "").replace(/\s+/g, " ").trim();
}

/** Lets staff review the pictures by keyboard. @param {HTMLElement} sheet */
function initReview(sheet) {
  const form = /** @type {HTMLFormElement} */ (sheet.closest("form"));
  const liveRegion = /** @type {HTMLElement} */ (document.querySelector("[data-vton-said]"));
  document.querySelector(".vton-keys")?.removeAttribute("hidden");
  const cards = () => /** @type {HTMLElement[]} */ ([...sheet.querySelectorAll(".vton-card")]);
  const current = () => cards().find((card) => card.contains(document.activeElement));

  /** @param {number} by */
  function step(by) {
    const all = cards();
    const card = current();
    const to = card ? all.indexOf(card) + by : 0;
    if (!all[to]) return;
    all[to].focus({ preventScroll: true });
    all[to].scrollIntoView({ block: "nearest" });
  }

  /** @param {HTMLButtonElement} button @param {boolean} isNextFocused */
  async function decide(button, isNextFocused) {
    const card = /** @type {HTMLElement} */ (button.closest(".vton-card"));
    if (card.ariaBusy === "true") return;
    card.ariaBusy = "true";
    if (isNextFocused) step(1);
    const hadFocus = card.contains(document.activeElement);
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new FormData(form, button),
      });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const { card: html, counts, problem, publish } = await answer.json();
      card.outerHTML = html;
      const newCard = document.getElementById(card.id);
      if (hadFocus || document.activeElement === document.body) newCard?.focus({ preventScroll: true });
      for (const [name, count] of Object.entries(counts)) {
        const shown = document.querySelector(`[data-vton-count="${name}"]`);
        if (shown) shown.textContent = count;
      }
      update(/** @type {HTMLElement} */ (document.querySelector("[data-vton-publish]")), publish);
      const title = newCard?.querySelector("h3")?.textContent?.trim() ?? "";
      liveRegion.textContent = problem || `${title}: ${newCard?.querySelector(".vton-word")?.textContent?.trim() ?? ""}`;
    } catch {
      form.requestSubmit(button); // The page that follows shows the error.
    }
  }

  form.addEventListener("submit", (event) => {
    const { submitter } = event;
    if (!(submitter instanceof HTMLButtonElement) || submitter.closest("[aria-busy=true]")) return;
    event.preventDefault();
    decide(submitter, false);
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest("input, select, textarea") || (target !== document.body && !sheet.contains(target))) return;
    const key = event.key.toLowerCase();
    const nextKey = getComputedStyle(sheet).direction === "rtl" ? "arrowleft" : "arrowright";
    const previousKey = nextKey === "arrowright" ? "arrowleft" : "arrowright";
    if (key === "j" || key === nextKey) step(1);
    else if (key === "k" || key === previousKey) step(-1);
    else if (["a", "r", "u"].includes(key)) {
      const button = current()?.querySelector(`[data-vton-key=${key}]`);
      if (button instanceof HTMLButtonElement) decide(button, key !== "u");
    } else return;
    event.preventDefault();
  });
}

const box = document.querySelector("[data-vton-progress]");
if (box instanceof HTMLElement) pollProgress(box);
const sheet = document.querySelector("[data-vton-sheet]");
if (sheet instanceof HTMLElement) initReview(sheet);
const nextStep = document.querySelector("form[data-vton-go-on]");
if (nextStep instanceof HTMLFormElement) nextStep.requestSubmit();

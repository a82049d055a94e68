/**
 * The batch pages of the admin: live progress, review by keyboard, publishing step by step, and checking all products. All work without it.
 */

const POLL_INTERVAL_MS = 3000;
const MAX_POLL_INTERVAL_MS = 60000;

/** Polls the progress while the page is visible, until the batch has ended. @param {HTMLElement} box */
function pollProgress(box) {
  let interval = POLL_INTERVAL_MS;
  let timer = 0;
  let hasEnded = false;

  async function poll() {
    clearTimeout(timer);
    if (hasEnded || document.hidden) return;
    try {
      const response = await fetch(/** @type {string} */ (box.dataset.vtonProgress), { headers: { Accept: "application/json" } });
      if (response.redirected || response.status === 403 || response.status === 404) return; // Logged out: the reload link stays.
      if (!response.ok) throw new Error(String(response.status));
      const { parts, is_live: isLive } = await response.json();
      for (const part of /** @type {NodeListOf<HTMLElement>} */ (box.querySelectorAll("[data-vton-part]"))) {
        updateHtml(part, parts[/** @type {string} */ (part.dataset.vtonPart)]);
      }
      interval = POLL_INTERVAL_MS;
      hasEnded = !isLive;
      if (hasEnded) box.querySelector(".vton-reload")?.remove();
    } catch {
      interval = Math.min(MAX_POLL_INTERVAL_MS, interval * 2);
    }
    clearTimeout(timer); // Two concurrent polls leave one timer.
    if (!hasEnded) timer = setTimeout(poll, interval);
  }

  document.addEventListener("visibilitychange", poll);
  timer = setTimeout(poll, POLL_INTERVAL_MS);
}

/** Replaces changed HTML only, so that nothing is announced twice; the focus stays. @param {HTMLElement} part @param {string} html */
function updateHtml(part, html) {
  if (part.dataset.vtonHtml === html || normalize(part.innerHTML) === normalize(html)) return;
  const focusedId = part.contains(document.activeElement) ? document.activeElement?.id : "";
  part.innerHTML = html;
  part.dataset.vtonHtml = html;
  if (focusedId) document.getElementById(focusedId)?.focus();
}

/** Removes CSRF tokens, which differ in each response, and extra whitespace. @param {string} html */
function normalize(html) {
  return html.replace(/value="\w{64}"/g, "").replace(/\s+/g, " ").trim();
}

/** Keys decide on the focused card and move to the next one. @param {HTMLElement} list */
function enableReview(list) {
  const form = /** @type {HTMLFormElement} */ (list.closest("form"));
  const status = /** @type {HTMLElement} */ (document.querySelector("[data-vton-review-status]"));
  document.querySelector(".vton-keys")?.removeAttribute("hidden");
  const cards = () => /** @type {HTMLElement[]} */ ([...list.querySelectorAll(".vton-card")]);
  const focusedCard = () => cards().find((card) => card.contains(document.activeElement));

  /** @param {number} by */
  function moveFocus(by) {
    const all = cards();
    const card = focusedCard();
    const target = all[card ? all.indexOf(card) + by : 0];
    target?.focus({ preventScroll: true });
    target?.scrollIntoView({ block: "nearest" });
  }

  /** @param {HTMLButtonElement} button @param {boolean} movesOn */
  async function submitDecision(button, movesOn) {
    const card = /** @type {HTMLElement} */ (button.closest(".vton-card"));
    if (card.ariaBusy === "true") return;
    card.ariaBusy = "true";
    if (movesOn) moveFocus(1);
    const hadFocus = card.contains(document.activeElement);
    try {
      const response = await fetch(form.action, {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new FormData(form, button),
      });
      if (!response.ok || response.redirected) throw new Error(String(response.status));
      const { card: html, counts, problem, publish } = await response.json();
      card.outerHTML = html;
      const newCard = document.getElementById(card.id);
      if (hadFocus || document.activeElement === document.body) newCard?.focus({ preventScroll: true });
      for (const [name, count] of Object.entries(counts)) {
        const element = document.querySelector(`[data-vton-count="${name}"]`);
        if (element) element.textContent = count;
      }
      updateHtml(/** @type {HTMLElement} */ (document.querySelector("[data-vton-publish]")), publish);
      const title = newCard?.querySelector("h3")?.textContent?.trim() ?? "";
      const decision = newCard?.querySelector(".vton-decision")?.textContent?.trim() ?? "";
      status.textContent = problem || `${title}: ${decision}`;
    } catch {
      form.requestSubmit(button); // The page that it loads shows the problem.
    }
  }

  /** @param {HTMLDetailsElement} details */
  function openReasons(details) {
    details.open = true;
    details.querySelector("button")?.focus();
  }

  form.addEventListener("submit", (event) => {
    const { submitter } = event;
    if (!(submitter instanceof HTMLButtonElement) || !submitter.closest(".vton-card:not([aria-busy=true])")) return;
    event.preventDefault();
    submitDecision(submitter, false);
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest("input, select, textarea") || (target !== document.body && !list.contains(target))) return;
    const key = event.key.toLowerCase();
    const forward = getComputedStyle(list).direction === "rtl" ? "arrowleft" : "arrowright";
    const backward = forward === "arrowright" ? "arrowleft" : "arrowright";
    if (key === "j" || key === forward) moveFocus(1);
    else if (key === "k" || key === backward) moveFocus(-1);
    else if (/^[aru1-9]$/.test(key)) {
      const control = focusedCard()?.querySelector(`[data-vton-key="${key}"]`);
      if (control instanceof HTMLButtonElement) submitDecision(control, key !== "u");
      else if (control) openReasons(/** @type {HTMLDetailsElement} */ (control.closest("details")));
    } else return;
    event.preventDefault();
  });
}

/** One checkbox checks all products of the page. @param {HTMLInputElement} box */
function enableCheckAll(box) {
  const products = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("input[name=product]"));
  box.hidden = false;
  box.addEventListener("change", () => {
    for (const product of products) product.checked = box.checked;
  });
}

const progress = document.querySelector("[data-vton-progress]");
if (progress instanceof HTMLElement) pollProgress(progress);
const list = document.querySelector("[data-vton-review-list]");
if (list instanceof HTMLElement) enableReview(list);
const publishing = document.querySelector("form[data-vton-continue]");
if (publishing instanceof HTMLFormElement) publishing.requestSubmit();
const checkAll = document.querySelector("[data-vton-check-all]");
if (checkAll instanceof HTMLInputElement) enableCheckAll(checkAll);

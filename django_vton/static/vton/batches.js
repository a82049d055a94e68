/**
 * The batches' pages of the admin: live numbers, a review by keyboard, publishing step by step. Each works without it.
 */

const EVERY = 3000;
const LONGEST = 60000;

/** Numbers that move: asks every few seconds while somebody looks, and stops at the end. @param {HTMLElement} box */
function watch(box) {
  let wait = EVERY;
  let timer = 0;
  let isOver = false;

  async function look() {
    clearTimeout(timer);
    if (isOver || document.hidden) return;
    try {
      const answer = await fetch(/** @type {string} */ (box.dataset.vtonProgress), { headers: { Accept: "application/json" } });
      if (answer.redirected || answer.status === 403 || answer.status === 404) return; // Logged out: the reload link tells.
      if (!answer.ok) throw new Error(String(answer.status));
      const { parts, is_live: isLive } = await answer.json();
      for (const part of /** @type {NodeListOf<HTMLElement>} */ (box.querySelectorAll("[data-vton-part]"))) {
        put(part, parts[/** @type {string} */ (part.dataset.vtonPart)]);
      }
      wait = EVERY;
      isOver = !isLive;
      if (isOver) box.querySelector(".vton-reload")?.remove();
    } catch {
      wait = Math.min(LONGEST, wait * 2);
    }
    clearTimeout(timer); // Two looks at once leave one timer.
    if (!isOver) timer = setTimeout(look, wait);
  }

  document.addEventListener("visibilitychange", look);
  timer = setTimeout(look, EVERY);
}

/** Only what has changed, so that nothing is read out twice; the focus stays. @param {HTMLElement} part @param {string} html */
function put(part, html) {
  if (part.dataset.vtonSeen === html || plain(part.innerHTML) === plain(html)) return;
  const focused = part.contains(document.activeElement) ? document.activeElement?.id : "";
  part.innerHTML = html;
  part.dataset.vtonSeen = html;
  if (focused) document.getElementById(focused)?.focus();
}

/** Each answer masks the CSRF token anew. @param {string} html */
function plain(html) {
  return html.replace(/value="\w{64}"/g, "").replace(/\s+/g, " ").trim();
}

/** A word on each picture by one key, and on to the next. @param {HTMLElement} sheet */
function review(sheet) {
  const form = /** @type {HTMLFormElement} */ (sheet.closest("form"));
  const said = /** @type {HTMLElement} */ (document.querySelector("[data-vton-said]"));
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

  /** @param {HTMLButtonElement} button @param {boolean} goesOn */
  async function say(button, goesOn) {
    const card = /** @type {HTMLElement} */ (button.closest(".vton-card"));
    if (card.ariaBusy === "true") return;
    card.ariaBusy = "true";
    if (goesOn) step(1);
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
      const fresh = document.getElementById(card.id);
      if (hadFocus || document.activeElement === document.body) fresh?.focus({ preventScroll: true });
      for (const [name, count] of Object.entries(counts)) {
        const shown = document.querySelector(`[data-vton-count="${name}"]`);
        if (shown) shown.textContent = count;
      }
      const place = /** @type {HTMLElement} */ (document.querySelector("[data-vton-publish]"));
      put(place, publish);
      const title = fresh?.querySelector("h3")?.textContent?.trim() ?? "";
      said.textContent = problem || `${title}: ${fresh?.querySelector(".vton-word")?.textContent?.trim() ?? ""}`;
    } catch {
      form.requestSubmit(button); // The page itself says what is wrong.
    }
  }

  form.addEventListener("submit", (event) => {
    const { submitter } = event;
    if (!(submitter instanceof HTMLButtonElement) || submitter.closest("[aria-busy=true]")) return;
    event.preventDefault();
    say(submitter, false);
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest("input, select, textarea") || (target !== document.body && !sheet.contains(target))) return;
    const key = event.key.toLowerCase();
    const ahead = getComputedStyle(sheet).direction === "rtl" ? "arrowleft" : "arrowright";
    const behind = ahead === "arrowright" ? "arrowleft" : "arrowright";
    if (key === "j" || key === ahead) step(1);
    else if (key === "k" || key === behind) step(-1);
    else if (["a", "r", "u"].includes(key)) {
      const button = current()?.querySelector(`[data-vton-key=${key}]`);
      if (button instanceof HTMLButtonElement) say(button, key !== "u");
    } else return;
    event.preventDefault();
  });
}

const box = document.querySelector("[data-vton-progress]");
if (box instanceof HTMLElement) watch(box);
const sheet = document.querySelector("[data-vton-sheet]");
if (sheet instanceof HTMLElement) review(sheet);
const rest = document.querySelector("form[data-vton-go-on]");
if (rest instanceof HTMLFormElement) rest.requestSubmit();

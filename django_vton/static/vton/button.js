/** The button and the badge. Words and URLs come from the template tags, so that hashed static files work. */

/** @import {TryOn} from "./types" */

const KEY = "vton";
/** Opens a page's first button. */
const FRAGMENT = "#try-on";
const html = document.documentElement;
const assets = /** @type {HTMLElement | null} */ (document.querySelector("script[data-vton]"));

/** @returns {TryOn | null} The try-on this tab waits for: its id, product and status. */
function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  } catch {
    return null; // Storage can be forbidden.
  }
}

/** @param {MouseEvent} event not for a new tab or a menu */
const isPlain = (event) => !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);

/** Of a file in this one's directory: no attribute may name another script. @param {string} url */
function beside(url) {
  const { href } = new URL(url, import.meta.url);
  if (/^[\w.-]+(\?|$)/.test(href.replace(new URL(".", import.meta.url).href, ""))) return href;
  throw Error(url);
}

/** `<vton-try-on>`: around a plain link, which stays one for Ctrl-click and where a script fails. */
class TryOnButton extends HTMLElement {
  static observedAttributes = ["product"];

  connectedCallback() {
    this.addEventListener("click", this, true); // Before the shop's own.
    this.ariaBusy = null; // On a copy, from a page cache, it is stale.
    if (location.hash !== FRAGMENT) return;
    history.replaceState(history.state, "", location.pathname + location.search); // Not again by a reload.
    this.querySelector("a")?.click();
  }

  /** A variant was chosen. @param {string} _name @param {?string} before @param {?string} now */
  attributeChangedCallback(_name, before, now) {
    const link = this.querySelector("a");
    if (link && before && now) link.href = link.href.replace(encodeURI(before), encodeURI(now));
  }

  /** @param {MouseEvent} event */
  handleEvent(event) {
    const link = /** @type {Element} */ (event.target).closest("a");
    if (!link || !isPlain(event)) return;
    event.preventDefault();
    event.stopPropagation();
    this.open().catch((error) => {
      console.warn(error);
      if (navigator.onLine) return location.assign(link.href);
      badge.say(assets?.dataset.offline);
      addEventListener("online", () => (badge.start(), link.click()), { once: true });
    });
  }

  async open() {
    if (this.ariaBusy) return;
    this.ariaBusy = "true";
    try {
      const get = (/** @type {string} */ name) => this.getAttribute(name) ?? "";
      beside(get("stylesheet"));
      for (const url of [get("dialog-url"), get("start-url")])
        if (new URL(url, location.href).origin !== location.origin) throw Error(url);
      const [dialog, ...parts] = await Promise.all(get("modules").split(" ").map((url) => import(beside(url))));
      // For button.css: whose overflow is the page's, and whether its scrollbar takes space.
      html.toggleAttribute("data-vton-body", getComputedStyle(html).overflow === "visible");
      html.toggleAttribute("data-vton-bar", innerWidth > html.clientWidth);
      const { closed } = await dialog.open(this, ...parts);
      badge.stop();
      closed.then(() => badge.start());
    } finally {
      this.ariaBusy = null;
    }
  }
}

/** `<vton-badge>`: tells of a try-on on any page. */
class Badge extends HTMLElement {
  /** Counts stops, so that what is still under way knows it is late. */
  round = 0;
  etag = "";

  connectedCallback() {
    if (this !== badge) this.remove();
  }

  disconnectedCallback() {
    queueMicrotask(() => this === badge && this.firstChild && document.body.append(this)); // The body was swapped.
  }

  start() {
    this.stop();
    if (remembered() && assets) this.look();
  }

  stop() {
    this.round++;
    this.clear();
  }

  clear() {
    this.etag = "";
    this.replaceChildren();
    this.remove();
  }

  async look() {
    const known = remembered();
    if (!known) return this.stop();
    const { round } = this;
    let seconds = 5;
    try {
      const answer = await fetch(`${assets?.dataset.vton}${known.id}/?lang=${assets?.lang}`, {
        cache: "no-store",
        headers: this.etag ? { "If-None-Match": this.etag } : {},
      });
      if (round !== this.round) return;
      seconds = Math.max(seconds, Number(answer.headers.get("Retry-After")));
      if (answer.ok) {
        this.etag = answer.headers.get("ETag") ?? "";
        if (this.show(known, await answer.json())) return;
      } else if (answer.status >= 400 && answer.status < 429) {
        sessionStorage.removeItem(KEY); // Erased, or another shopper's by now.
        return this.stop();
      }
    } catch {
      seconds = 15;
    }
    setTimeout(() => this.wait(round), seconds * 1000);
  }

  /** Looks again once the tab is visible. @param {number} round */
  wait(round) {
    if (round !== this.round) return;
    if (!document.hidden) this.look();
    else document.addEventListener("visibilitychange", () => this.wait(round), { once: true });
  }

  /** @param {string | Node} [words] */
  say(words = "") {
    this.replaceChildren(words);
    this.role = "status";
    this.lang = assets?.dataset.lang ?? "";
    if (!this.isConnected) document.body.append(this);
  }

  /** @param {TryOn} known @param {TryOn} tryOn @returns {boolean} Whether it has ended. */
  show(known, tryOn) {
    const { id, product, status } = tryOn;
    const over = !["queued", "processing"].includes(status);
    if (status === "canceled" || new URL(tryOn.page_url, location.href).pathname === location.pathname) {
      if (over) sessionStorage.removeItem(KEY);
      this.clear();
      return over;
    }
    const textContent = assets?.dataset[over ? status : "running"] ?? "";
    if (this.textContent === textContent) return over; // A live region: only news.
    const link = Object.assign(document.createElement("a"), { className: "vton-badge-link", textContent });
    /** To the product's page, or else to the try-on's own. */
    const aim = () => {
      link.href = tryOn.product_url;
      link.hash = FRAGMENT;
      const isHere = link.pathname + link.search === location.pathname + location.search; // Without a button, then.
      if (isHere || link.origin !== location.origin || status === "failed") link.href = tryOn.page_url;
    };
    aim();
    link.onclick = (event) => {
      aim(); // The page may have been swapped.
      const button = document.querySelector(`vton-try-on[product="${CSS.escape(product)}"]`)?.querySelector("a");
      if (!button || !isPlain(event) || status === "failed") return;
      event.preventDefault();
      button.focus({ preventScroll: true });
      button.click();
    };
    this.say(link);
    if (over) {
      const close = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
      close.ariaLabel = assets?.dataset.dismiss ?? "";
      close.onclick = () => (sessionStorage.removeItem(KEY), this.stop());
      this.append(close);
      if (known.status !== status) {
        sessionStorage.setItem(KEY, JSON.stringify({ id, product, status }));
        const detail = { product, id, status, code: tryOn.error?.code ?? null };
        this.dispatchEvent(new CustomEvent(`vton:${status}`, { bubbles: true, composed: true, detail }));
      }
    }
    return over;
  }
}

/** @type {Badge} */
let badge;

if (!customElements.get("vton-try-on")) {
  customElements.define("vton-badge", Badge);
  badge = new Badge();
  customElements.define("vton-try-on", TryOnButton);
  badge.start();
}

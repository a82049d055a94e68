/** The button and the badge. Texts and URLs come from the template tags, so that hashed static files work. */

/** @import {TryOn} from "./types" */

const STORAGE_KEY = "vton";
/** Opens the page's first button. */
const FRAGMENT = "#try-on";
const html = document.documentElement;
const assets = /** @type {HTMLElement | null} */ (document.querySelector("script[data-vton]"));

/** @returns {TryOn | null} This tab's pending try-on: its id, product and status. */
function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "null");
  } catch {
    return null; // Storage may be forbidden.
  }
}

/** @param {MouseEvent} event not for a new tab or a menu */
const isPlainClick = (event) => !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);

/** Only files in this file's directory: no attribute may load another script. @param {string} url */
function siblingUrl(url) {
  const { href } = new URL(url, import.meta.url);
  if (/^[\w.-]+(\?|$)/.test(href.replace(new URL(".", import.meta.url).href, ""))) return href;
  throw Error(url);
}

/** `<vton-try-on>`, around a plain link that still works for Ctrl-click and if a script fails. */
class TryOnButton extends HTMLElement {
  static observedAttributes = ["product"];

  connectedCallback() {
    this.addEventListener("click", this, true); // Before the shop's listeners.
    this.ariaBusy = null; // Stale in a copy from a page cache.
    if (location.hash !== FRAGMENT) return;
    history.replaceState(history.state, "", location.pathname + location.search); // Not again on reload.
    this.querySelector("a")?.click();
  }

  /** The shop selected a variant. @param {string} _name @param {?string} before @param {?string} now */
  attributeChangedCallback(_name, before, now) {
    const link = this.querySelector("a");
    if (link && before && now) link.href = link.href.replace(encodeURI(before), encodeURI(now));
  }

  /** @param {MouseEvent} event */
  handleEvent(event) {
    const link = /** @type {Element} */ (event.target).closest("a");
    if (!link || !isPlainClick(event)) return;
    event.preventDefault();
    event.stopPropagation();
    this.open().catch((error) => {
      console.warn(error);
      if (navigator.onLine) return location.assign(link.href);
      badge.showMessage(assets?.dataset.offline);
      addEventListener("online", () => (badge.start(), link.click()), { once: true });
    });
  }

  async open() {
    if (this.ariaBusy) return;
    this.ariaBusy = "true";
    try {
      const get = (/** @type {string} */ name) => this.getAttribute(name) ?? "";
      siblingUrl(get("stylesheet"));
      for (const url of [get("dialog-url"), get("start-url")])
        if (new URL(url, location.href).origin !== location.origin) throw Error(url);
      const [dialog, ...modules] = await Promise.all(get("modules").split(" ").map((url) => import(siblingUrl(url))));
      // For button.css: which element scrolls the page, and whether the scrollbar takes space.
      html.toggleAttribute("data-vton-body", getComputedStyle(html).overflow === "visible");
      html.toggleAttribute("data-vton-bar", innerWidth > html.clientWidth);
      const { closed } = await dialog.open(this, ...modules);
      badge.stop();
      closed.then(() => badge.start());
    } finally {
      this.ariaBusy = null;
    }
  }
}

/** `<vton-badge>` shows the state of a try-on on any page. */
class Badge extends HTMLElement {
  /** Counts stops, so that a pending poll knows that it is outdated. */
  round = 0;
  etag = "";

  connectedCallback() {
    if (this !== badge) this.remove();
  }

  disconnectedCallback() {
    queueMicrotask(() => this === badge && this.firstChild && document.body.append(this)); // The body was replaced.
  }

  start() {
    this.stop();
    if (stored() && assets) this.poll();
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

  async poll() {
    const known = stored();
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
        sessionStorage.removeItem(STORAGE_KEY); // Erased, or another shopper's.
        return this.stop();
      }
    } catch {
      seconds = 15;
    }
    setTimeout(() => this.pollWhenVisible(round), seconds * 1000);
  }

  /** @param {number} round */
  pollWhenVisible(round) {
    if (round !== this.round) return;
    if (!document.hidden) this.poll();
    else document.addEventListener("visibilitychange", () => this.pollWhenVisible(round), { once: true });
  }

  /** @param {string | Node} [content] */
  showMessage(content = "") {
    this.replaceChildren(content);
    this.role = "status";
    this.lang = assets?.dataset.lang ?? "";
    if (!this.isConnected) document.body.append(this);
  }

  /** @param {TryOn} known @param {TryOn} tryOn @returns {boolean} Whether it has ended. */
  show(known, tryOn) {
    const { id, product, status } = tryOn;
    const hasEnded = !["queued", "processing"].includes(status);
    if (status === "canceled" || new URL(tryOn.page_url, location.href).pathname === location.pathname) {
      if (hasEnded) sessionStorage.removeItem(STORAGE_KEY);
      this.clear();
      return hasEnded;
    }
    const textContent = assets?.dataset[hasEnded ? status : "running"] ?? "";
    if (this.textContent === textContent) return hasEnded; // A live region.
    const link = Object.assign(document.createElement("a"), { className: "vton-badge-link", textContent });
    /** Links to the product's page, or else to the try-on's. */
    const setHref = () => {
      link.href = tryOn.product_url;
      link.hash = FRAGMENT;
      const isHere = link.pathname + link.search === location.pathname + location.search; // But it has no button.
      if (isHere || link.origin !== location.origin || status === "failed") link.href = tryOn.page_url;
    };
    setHref();
    link.onclick = (event) => {
      setHref(); // The page may have been replaced.
      const button = document.querySelector(`vton-try-on[product="${CSS.escape(product)}"]`)?.querySelector("a");
      if (!button || !isPlainClick(event) || status === "failed") return;
      event.preventDefault();
      button.focus({ preventScroll: true });
      button.click();
    };
    this.showMessage(link);
    if (hasEnded) {
      const close = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
      close.ariaLabel = assets?.dataset.dismiss ?? "";
      close.onclick = () => (sessionStorage.removeItem(STORAGE_KEY), this.stop());
      this.append(close);
      if (known.status !== status) {
        sessionStorage.setItem(STORAGE_KEY, JSON.stringify({ id, product, status }));
        const detail = { product, id, status, code: tryOn.error?.code ?? null };
        this.dispatchEvent(new CustomEvent(`vton:${status}`, { bubbles: true, composed: true, detail }));
      }
    }
    return hasEnded;
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

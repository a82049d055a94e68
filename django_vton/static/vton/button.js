/** The button and the badge. Words and further addresses come from the template tags, so that hashed static files work. */

const KEY = "vton";
const assets = /** @type {HTMLElement | null} */ (document.querySelector("script[data-vton]"));

/** @returns {{id: string, product: string, status: string} | null} The try-on this tab waits for. */
function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  } catch {
    return null; // Storage can be forbidden.
  }
}

/** `<vton-try-on>`: around a plain link, which stays one for Ctrl-click and where a script fails. */
class TryOnButton extends HTMLElement {
  static observedAttributes = ["product"];

  connectedCallback() {
    this.addEventListener("click", this, true); // Before the shop's own.
    this.ariaBusy = null; // On a copy, from a page cache, it is stale.
  }

  /** A variant was chosen. @param {string} _name @param {?string} before @param {?string} now */
  attributeChangedCallback(_name, before, now) {
    const link = this.querySelector("a");
    if (link && before && now) link.href = link.href.replace(encodeURI(before), encodeURI(now));
  }

  /** @param {MouseEvent} event */
  handleEvent(event) {
    const link = /** @type {Element} */ (event.target).closest("a");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.open().catch(() => {
      if (navigator.onLine) return location.assign(link.href);
      badge.say(assets?.dataset.offline);
      addEventListener("online", () => (badge.start(), link.click()), { once: true });
    });
  }

  async open() {
    if (this.ariaBusy) return;
    this.ariaBusy = "true";
    try {
      const urls = (this.getAttribute("modules") ?? "").split(" ");
      const [dialog, ...parts] = await Promise.all(urls.map((url) => import(url)));
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
    // The body was swapped.
    queueMicrotask(() => this === badge && this.firstChild && document.body.append(this));
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
    if (!this.isConnected) document.body.append(this);
  }

  /** @param {{id: string, product: string, status: string}} known @param {any} tryOn @returns {boolean} Whether it has ended. */
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
    const link = document.createElement("a");
    this.say(Object.assign(link, { href: tryOn.page_url, className: "vton-badge-link", textContent }));
    if (over) {
      const close = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
      close.ariaLabel = assets?.dataset.dismiss ?? "";
      this.append(close);
      for (const end of [link, close]) end.onclick = () => (sessionStorage.removeItem(KEY), this.stop());
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

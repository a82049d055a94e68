/** The dialog. Its HTML and words are the shop's templates': `data-view` is a state, `data-do` a button's action. */

/** @import {Modules, Photo, Picture, Start, TryOn} from "./types" */

/** @type {Session | null} */
let session = null;

/** Fails where the HTML or the style cannot be had. @param {HTMLElement} button @param {...any} parts the other modules */
export async function open(button, ...parts) {
  const [api, photo, choose, tryon] = parts;
  if (session?.product === button.getAttribute("product") && (await session.isKept())) session.present(button);
  else await (session = new Session(button, { api, photo, choose, tryon })).open();
  return session;
}

/** Where HTMX or Turbo swaps the body, the dialog closes, and what it was about goes on. */
class Host extends HTMLElement {
  connectedCallback() {
    if (this !== session?.host) this.remove(); // A copy, from a page cache.
  }

  disconnectedCallback() {
    if (this === session?.host) session.dialog.close();
  }
}

if (!customElements.get("vton-dialog")) customElements.define("vton-dialog", Host);

class Session {
  sending = false;
  /** The try-on in view. @type {TryOn | null} */
  tryOn = null;
  /** A fresh picture, or one the shop has. @type {Picture | Photo | null} */
  picked = null;
  /** The last one. @type {{body: FormData, key: string} | null} */
  order = null;
  /** The result's. @type {ReturnType<typeof import("./compare.js").zoom> | null} */
  zoom = null;
  /** Every view but the first comes after it. */
  start = /** @type {Start} */ ({});
  dialog = document.createElement("dialog");
  host = document.createElement("vton-dialog");
  root = this.host.attachShadow({ mode: "open" });
  leave = () => {};
  /** Settles when the shopper has left and nothing is on its way to the shop any more. @type {Promise<void>} */
  closed = Promise.resolve();

  /** @param {HTMLElement} button @param {Modules} modules */
  constructor(button, modules) {
    this.button = button;
    this.modules = modules;
    this.product = button.getAttribute("product") ?? "";
    this.api = new modules.api.Api(button.getAttribute("start-url") ?? "", this.product, button.lang);
  }

  /** @param {string} id @returns {any} a spare element where a shop's template left it out */
  $(id) {
    return this.root.getElementById(id) ?? document.createElement("input");
  }

  /** @param {string} selector @returns {any[]} */
  all(selector) {
    return [...this.root.querySelectorAll(selector)];
  }

  async open() {
    const { api, button, host, root } = this;
    const html = await api.html(button.getAttribute("dialog-url") ?? "");
    root.adoptedStyleSheets = [await api.sheet(button.getAttribute("stylesheet") ?? "")];
    root.append(...html.children);
    this.dialog = this.$("dialog");
    host.append(this.$("light").content ?? "");
    this.listen();
    this.view("loading");
    this.present(button);
    this.emit("opened");
    this.load().catch((error) => this.fail(error));
  }

  /** Whether it was left in the middle, and by the same visitor. */
  async isKept() {
    if (this.sending || this.dialog.dataset.state !== "check") return this.sending;
    const { visitor } = this.api;
    this.start = await this.api.start();
    return this.api.visitor === visitor;
  }

  /** Shows it, as it was left. @param {HTMLElement} button that opens it */
  present(button) {
    this.button = button;
    if (this.dialog.open) return;
    document.body.append(this.host);
    this.closed = new Promise((resolve) => (this.leave = resolve));
    this.host.toggleAttribute("open", true); // The page behind does not scroll.
    document.addEventListener("paste", this.paste);
    this.dialog.showModal();
  }

  /** @param {any} event */
  paste = (event) => this.take(event.clipboardData?.files);

  /** @param {FileList | null} [files] */
  take(files) {
    this.modules.choose.take(this, files).catch((/** @type {unknown} */ error) => this.fail(error));
  }

  listen() {
    const { dialog, root, api, modules } = this;
    const fail = (/** @type {unknown} */ error) => this.fail(error);
    root.addEventListener("click", (/** @type {any} */ { target, detail }) => {
      const button = target.closest("[data-do]");
      if (target === dialog) dialog.close(); // Its backdrop.
      // A double click's second one may meet the next view.
      else if (button && detail < 2) this.act(button).catch(fail);
    });
    this.$("file").addEventListener("change", () => this.take(this.$("file").files));
    this.$("order").addEventListener("submit", (/** @type {any} */ event) => {
      event.preventDefault();
      const order = modules.choose.order(this);
      if (order && !this.sending) modules.tryon.send(this, order).catch(fail);
    });
    dialog.addEventListener("dragover", (event) => event.preventDefault());
    dialog.addEventListener("drop", (/** @type {any} */ event) => {
      event.preventDefault();
      this.take(event.dataTransfer?.files);
    });
    api.onReach = (reached) => (this.$("offline").hidden = reached);
    dialog.addEventListener("close", () => {
      modules.photo.stopCamera(this.$("video"));
      document.removeEventListener("paste", this.paste);
      this.host.toggleAttribute("open", false);
      if (!this.sending) this.end();
    });
  }

  end() {
    this.host.remove();
    this.leave();
  }

  /** False where the page said no. @param {string} name @param {boolean} [cancelable] @param {string | null} [code] */
  emit(name, cancelable = false, code = this.tryOn?.error?.code ?? null) {
    const { id = null, status = null } = this.tryOn ?? {};
    const detail = { product: this.product, id, status, code };
    const event = new CustomEvent(`vton:${name}`, { bubbles: true, composed: true, cancelable, detail });
    return (this.button.isConnected ? this.button : document).dispatchEvent(event);
  }

  /** @param {string} name of the only part to show; a screen reader begins at its heading */
  view(name) {
    if (name !== "camera") this.modules.photo.stopCamera(this.$("video"));
    for (const said of this.all("[data-view] [role=alert], #done")) said.textContent = "";
    for (const section of this.all("[data-view]")) {
      section.hidden = section.dataset.view !== name;
      if (!section.hidden) section.querySelector("[tabindex]")?.focus();
    }
    this.dialog.dataset.state = name;
    this.dialog.scrollTop = 0;
  }

  /** @param {string} name of a sentence @param {Object<string, string>} [values] for its {places} */
  word(name, values = {}) {
    const text = this.sentence("word", name)?.textContent?.trim() ?? "";
    return text.replace(/\{(\w+)\}/g, (_, place) => values[place] ?? "");
  }

  /** @param {string} kind @param {string} name @returns {HTMLElement | null} */
  sentence(kind, name) {
    return this.$("messages").content.querySelector(`[data-${kind}="${CSS.escape(name)}"]`);
  }

  /** With the digits and the calendar of the pages, which an engine may not take for a language by itself. */
  get locale() {
    return `${this.dialog.lang}-u-ca-gregory-nu-latn`;
  }

  /** In the shopper's own words, such as "18 seconds". @param {number} number @param {object} options */
  number(number, options) {
    return new Intl.NumberFormat(this.locale, options).format(number);
  }

  /** "tomorrow at 14:00", in the shopper's own time. @param {Date} date */
  when(date) {
    const { locale } = this;
    const days = Math.round((new Date(date).setHours(12, 0, 0) - new Date().setHours(12, 0, 0)) / 86_400_000);
    const day =
      days < 2
        ? new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(days, "day")
        : new Intl.DateTimeFormat(locale, { dateStyle: "long" }).format(date);
    return this.word("when", { day, time: new Intl.DateTimeFormat(locale, { timeStyle: "short" }).format(date) });
  }

  /** @param {unknown} error @returns {string} its code */
  fail(error) {
    const { Refused } = this.modules.api;
    const { code, detail, seconds } = error instanceof Refused ? error : new Refused("unexpected");
    if (!(error instanceof Refused)) reportError(error);
    this.problem(code, detail, seconds ? this.again(new Date(Date.now() + seconds * 1000)) : "");
    return code;
  }

  /** @param {Date} date */
  again(date) {
    return this.word("again", { when: this.when(date) });
  }

  /** Says what is wrong where it can be put right. @param {string} code @param {string} [detail] for an unknown code
   * @param {string} [more] @param {boolean} [retry] */
  problem(code, detail, more = "", retry = false) {
    const sentence = this.sentence("code", code);
    const { at = "error" } = sentence?.dataset ?? {};
    this.view(at);
    this.$("retry").hidden = !this.order || !(retry || sentence?.hasAttribute("data-retry"));
    this.$("again").hidden = Boolean(sentence?.hasAttribute("data-final"));
    this.$("again").className = this.$("retry").hidden ? "primary" : ""; // One main button.
    this.$("error-title").textContent = this.word(sentence?.hasAttribute("data-rest") ? "rest" : "wrong");
    const place = this.$(`${at}-problem`);
    place.textContent = `${sentence?.textContent?.trim() || detail || this.word("failed")} ${more}`;
    place.scrollIntoView({ block: "nearest" });
  }

  async load() {
    const { api } = this;
    const { product, active, latest, links } = (this.start = await api.start());
    if (!document.cookie) await api.requireCookies();
    this.$("product-title").textContent = this.$("offer-title").textContent = product.title;
    for (const id of ["product-image", "product-picture"]) {
      this.$(id).hidden = !product.image_url;
      if (product.image_url) this.$(id).src = product.image_url;
    }
    this.$("history").href = links.history;
    this.$("privacy").href = links.privacy;
    const running = active.find((tryOn) => tryOn.product === this.product);
    if (running) await this.modules.tryon.follow(this, running);
    else if (latest) await this.show(latest);
    else this.modules.choose.begin(this);
  }

  /** @param {TryOn} tryOn @param {boolean} [isNew] whether it has just ended */
  async show(tryOn, isNew = false) {
    this.tryOn = tryOn;
    if (tryOn.status === "completed") {
      const [result, compare] = await this.modules.tryon.parts(this);
      if (this.tryOn === tryOn) result.show(this, tryOn, compare, isNew); // Else it was left meanwhile.
      return;
    }
    const { code = "vendor", message, retryable } = tryOn.error ?? {};
    this.problem(code, message, this.word(tryOn.counted ? "counted" : "free"), retryable);
  }

  /** @param {HTMLElement} button */
  async act(button) {
    const { api, dialog, modules, tryOn } = this;
    const { id } = button.dataset;
    const video = this.$("video");
    switch (button.dataset.do) {
      case "close":
        return dialog.close();
      case "back":
        return modules.choose.show(this);
      case "again":
        this.start = await api.start();
        return modules.choose.show(this);
      case "pick":
        return modules.choose.check(this, modules.choose.known(this).filter((photo) => photo.id === id)[0]);
      case "forget":
        await api.write("DELETE", `${api.photos}${id}/`);
        this.start.photos = this.start.photos.filter((photo) => photo.id !== id);
        return modules.choose.show(this, this.word("erased"));
      case "camera": {
        this.view("camera");
        const code = await modules.photo.startCamera(video);
        if (!video.offsetParent) modules.photo.stopCamera(video); // Left meanwhile.
        else if (code) this.problem(code);
        return;
      }
      case "snap":
        return modules.choose.check(this, await modules.photo.snap(video, this));
      case "phone":
        return (await import(dialog.dataset.phoneScript ?? "")).start(this);
      case "cancel":
        if (!tryOn) return;
        return modules.tryon.over(this, (await api.write("POST", `${api.tryOns}${tryOn.id}/cancel/`)).data);
      case "retry":
        // What failed is over, and this a new order; a call that failed may have been heard: the same key.
        if (this.order) await modules.tryon.send(this, this.order.body, tryOn?.error ? undefined : this.order.key);
        return;
      default:
        if (tryOn) await (await modules.tryon.parts(this))[0].act(this, tryOn, button);
    }
  }
}

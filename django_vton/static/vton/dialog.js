/** The dialog. Its HTML and texts come from templates: `data-view` names a view, `data-do` a button's action. */

/** @import {Modules, Photo, Picture, Start, TryOn} from "./types" */

/** @type {Session | null} */
let session = null;

/** Rejects if the HTML or the stylesheet fails to load. @param {HTMLElement} button @param {...any} loaded modules */
export async function open(button, ...loaded) {
  const [api, photo, choose, tryon] = loaded;
  if (session?.product === button.getAttribute("product") && (await session.canResume())) session.showModal(button);
  else await (session = new Session(button, { api, photo, choose, tryon })).open();
  return session;
}

/** If HTMX or Turbo replaces the body, the dialog closes and the try-on continues. */
class DialogHost extends HTMLElement {
  connectedCallback() {
    if (this !== session?.host) this.remove(); // A copy from a page cache.
  }

  disconnectedCallback() {
    if (this === session?.host) session.dialog.close();
  }
}

if (!customElements.get("vton-dialog")) customElements.define("vton-dialog", DialogHost);

class Session {
  isSending = false;
  /** The shown try-on. @type {TryOn | null} */
  tryOn = null;
  /** A new picture or a stored photo. @type {Picture | Photo | null} */
  selected = null;
  /** @type {{body: FormData, key: string} | null} */
  lastOrder = null;
  /** The result's. @type {ReturnType<typeof import("./compare.js").initZoom> | null} */
  zoom = null;
  /** Loaded before all views but the first. */
  start = /** @type {Start} */ ({});
  dialog = document.createElement("dialog");
  host = document.createElement("vton-dialog");
  root = this.host.attachShadow({ mode: "open" });
  resolveClosed = () => {};
  /** Settles when it is closed and nothing is being sent. @type {Promise<void>} */
  closed = Promise.resolve();

  /** @param {HTMLElement} button @param {Modules} modules */
  constructor(button, modules) {
    this.button = button;
    this.modules = modules;
    this.product = button.getAttribute("product") ?? "";
    this.api = new modules.api.Api(button.getAttribute("start-url") ?? "", this.product, button.lang);
  }

  /** @param {string} id @returns {any} a detached element if a shop's template omits it */
  $(id) {
    return this.root.getElementById(id) ?? document.createElement("input");
  }

  /** @param {string} selector @returns {any[]} */
  all(selector) {
    return [...this.root.querySelectorAll(selector)];
  }

  async open() {
    const { api, button, host, root } = this;
    const html = await api.loadHtml(button.getAttribute("dialog-url") ?? "");
    root.adoptedStyleSheets = [await api.loadStyleSheet(button.getAttribute("stylesheet") ?? "")];
    root.append(...html.children);
    this.dialog = this.$("dialog");
    host.append(this.$("light").content ?? "");
    this.addListeners();
    this.showView("loading");
    this.showModal(button);
    this.emit("opened");
    this.load().catch((error) => this.showError(error));
  }

  /** Whether the same visitor left it during an order. */
  async canResume() {
    if (this.isSending || this.dialog.dataset.state !== "check") return this.isSending;
    const { visitor } = this.api;
    this.start = await this.api.start();
    return this.api.visitor === visitor;
  }

  /** Shows it in its last state. @param {HTMLElement} button that opens it */
  showModal(button) {
    this.button = button;
    if (this.dialog.open) return;
    document.body.append(this.host);
    this.closed = new Promise((resolve) => (this.resolveClosed = resolve));
    this.host.toggleAttribute("open", true); // For button.css.
    document.addEventListener("paste", this.onPaste);
    this.dialog.showModal();
  }

  /** @param {any} event */
  onPaste = (event) => this.addFile(event.clipboardData?.files);

  /** @param {FileList | null} [files] */
  addFile(files) {
    this.modules.choose.addFile(this, files).catch((/** @type {unknown} */ error) => this.showError(error));
  }

  addListeners() {
    const { dialog, root, api, modules } = this;
    const showError = (/** @type {unknown} */ error) => this.showError(error);
    root.addEventListener("click", (/** @type {any} */ { target, detail }) => {
      const button = target.closest("[data-do]");
      if (target === dialog) dialog.close(); // A click on the backdrop.
      // The second click of a double click may hit the next view.
      else if (button && detail < 2) this.act(button).catch(showError);
    });
    this.$("file").addEventListener("change", () => this.addFile(this.$("file").files));
    this.$("order").addEventListener("submit", (/** @type {any} */ event) => {
      event.preventDefault();
      const order = modules.choose.createOrder(this);
      if (order && !this.isSending) modules.tryon.submit(this, order).catch(showError);
    });
    dialog.addEventListener("dragover", (event) => event.preventDefault());
    dialog.addEventListener("drop", (/** @type {any} */ event) => {
      event.preventDefault();
      this.addFile(event.dataTransfer?.files);
    });
    api.onConnectivity = (isOnline) => (this.$("offline").hidden = isOnline);
    dialog.addEventListener("close", () => {
      modules.photo.stopCamera(this.$("video"));
      document.removeEventListener("paste", this.onPaste);
      this.host.toggleAttribute("open", false);
      if (!this.isSending) this.remove();
    });
  }

  remove() {
    this.host.remove();
    this.resolveClosed();
  }

  /** Returns false if the page cancelled the event. @param {string} name @param {boolean} [cancelable] @param {string | null} [code] */
  emit(name, cancelable = false, code = this.tryOn?.error?.code ?? null) {
    const { id = null, status = null } = this.tryOn ?? {};
    const detail = { product: this.product, id, status, code };
    const event = new CustomEvent(`vton:${name}`, { bubbles: true, composed: true, cancelable, detail });
    return (this.button.isConnected ? this.button : document).dispatchEvent(event);
  }

  /** Shows only this view, from its heading. @param {string} name */
  showView(name) {
    if (name !== "camera") this.modules.photo.stopCamera(this.$("video"));
    for (const message of this.all("[data-view] [role=alert], #done")) message.textContent = "";
    for (const section of this.all("[data-view]")) {
      section.hidden = section.dataset.view !== name;
      if (!section.hidden) section.querySelector("[tabindex]")?.focus();
    }
    this.dialog.dataset.state = name;
    this.dialog.scrollTop = 0;
  }

  /** @param {string} name @param {Object<string, string>} [values] for its {placeholders} */
  text(name, values = {}) {
    const text = this.message("word", name)?.textContent?.trim() ?? "";
    return text.replace(/\{(\w+)\}/g, (_, placeholder) => values[placeholder] ?? "");
  }

  /** @param {string} kind @param {string} name @returns {HTMLElement | null} */
  message(kind, name) {
    return this.$("messages").content.querySelector(`[data-${kind}="${CSS.escape(name)}"]`);
  }

  /** With the pages' calendar and digits, whatever the browser's default is. */
  get locale() {
    return `${this.dialog.lang}-u-ca-gregory-nu-latn`;
  }

  /** Such as "18 seconds". @param {number} number @param {object} options */
  formatNumber(number, options) {
    return new Intl.NumberFormat(this.locale, options).format(number);
  }

  /** Such as "tomorrow at 14:00". @param {Date} date */
  formatTime(date) {
    const { locale } = this;
    const days = Math.round((new Date(date).setHours(12, 0, 0) - new Date().setHours(12, 0, 0)) / 86_400_000);
    const day =
      days < 2
        ? new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(days, "day")
        : new Intl.DateTimeFormat(locale, { dateStyle: "long" }).format(date);
    return this.text("when", { day, time: new Intl.DateTimeFormat(locale, { timeStyle: "short" }).format(date) });
  }

  /** @param {unknown} error @returns {string} its code */
  showError(error) {
    const { Refused } = this.modules.api;
    const { code, detail, seconds } = error instanceof Refused ? error : new Refused("unexpected");
    if (!(error instanceof Refused)) reportError(error);
    this.showProblem(code, detail, seconds ? this.retryText(new Date(Date.now() + seconds * 1000)) : "");
    return code;
  }

  /** @param {Date} date */
  retryText(date) {
    return this.text("again", { when: this.formatTime(date) });
  }

  /** Shows it where it can be solved. @param {string} code @param {string} [detail] for an unknown code
   * @param {string} [more] @param {boolean} [isRetryable] */
  showProblem(code, detail, more = "", isRetryable = false) {
    const message = this.message("code", code);
    const { at = "error" } = message?.dataset ?? {};
    this.showView(at);
    this.$("retry").hidden = !this.lastOrder || !(isRetryable || message?.hasAttribute("data-retry"));
    this.$("again").hidden = Boolean(message?.hasAttribute("data-final"));
    this.$("again").className = this.$("retry").hidden ? "primary" : ""; // One primary button.
    this.$("error-title").textContent = this.text(message?.hasAttribute("data-rest") ? "rest" : "wrong");
    const problem = this.$(`${at}-problem`);
    problem.textContent = `${message?.textContent?.trim() || detail || this.text("failed")} ${more}`;
    problem.scrollIntoView({ block: "nearest" });
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
    else if (latest) await this.showTryOn(latest);
    else this.modules.choose.start(this);
  }

  /** @param {TryOn} tryOn @param {boolean} [isNew] whether it has just ended */
  async showTryOn(tryOn, isNew = false) {
    this.tryOn = tryOn;
    if (tryOn.status === "completed") {
      const [result, compare] = await this.modules.tryon.loadResultModules(this);
      if (this.tryOn === tryOn) result.show(this, tryOn, compare, isNew); // Unless it was left.
      return;
    }
    const { code = "vendor", message, retryable } = tryOn.error ?? {};
    this.showProblem(code, message, this.text(tryOn.counted ? "counted" : "free"), retryable);
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
        return modules.choose.check(this, modules.choose.availablePhotos(this).filter((photo) => photo.id === id)[0]);
      case "forget":
        await api.request("DELETE", `${api.photos}${id}/`);
        this.start.photos = this.start.photos.filter((photo) => photo.id !== id);
        return modules.choose.show(this, this.text("erased"));
      case "camera": {
        this.showView("camera");
        const code = await modules.photo.startCamera(video);
        if (!video.offsetParent) modules.photo.stopCamera(video); // Left in the meantime.
        else if (code) this.showProblem(code);
        return;
      }
      case "snap":
        return modules.choose.check(this, await modules.photo.takePhoto(video, this));
      case "phone":
        return (await import(dialog.dataset.phoneScript ?? "")).start(this);
      case "cancel":
        if (!tryOn) return;
        return modules.tryon.finish(this, (await api.request("POST", `${api.tryOns}${tryOn.id}/cancel/`)).data);
      case "retry":
        // After a failed try-on, a new order. A failed request may have arrived: the same key.
        if (this.lastOrder) await modules.tryon.submit(this, this.lastOrder.body, tryOn?.error ? undefined : this.lastOrder.key);
        return;
      default:
        if (tryOn) await (await modules.tryon.loadResultModules(this))[0].act(this, tryOn, button);
    }
  }
}

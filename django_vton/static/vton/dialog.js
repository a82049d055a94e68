/**
 * The dialog, one a page. What it shows is HTML from the shop's templates, so that every word comes from there: `data-view` is a
 * state, `data-do` a button's action, `data-word` and `data-code` are sentences.
 */

/** @import {Modules, Photo, Picture, Start, TryOn} from "./types" */

/** @type {Session | null} */
let session = null;

/**
 * Opens the dialog for a button; fails where its HTML cannot be had.
 *
 * @param {HTMLElement} button @param {...any} parts the other modules: the button imports them, its tag knows their addresses
 * @returns {Promise<Session>} `closed` settles once the shopper has left and nothing is on its way to the shop any more
 */
export async function open(button, ...parts) {
  const [api, choose, tryon] = parts;
  if (session?.sending && session.product === button.getAttribute("product")) session.dialog.showModal();
  else await (session = new Session(button, { api, choose, tryon })).open();
  return session;
}

class Session {
  sending = false;
  /** The try-on in view. @type {TryOn | null} */
  tryOn = null;
  /** A fresh picture, or one the shop has. @type {Picture | Photo | null} */
  picked = null;
  /** The last order, as it goes out again where it may. @type {{body: FormData, key: string} | null} */
  order = null;
  /** Every view but the first comes after it. */
  start = /** @type {Start} */ ({});
  dialog = document.createElement("dialog");
  host = document.createElement("vton-dialog");
  root = this.host.attachShadow({ mode: "open" });
  leave = () => {};
  /** @type {Promise<void>} */
  closed = new Promise((resolve) => (this.leave = resolve));

  /** @param {HTMLElement} button @param {Modules} modules */
  constructor(button, modules) {
    this.button = button;
    this.modules = modules;
    this.product = button.getAttribute("product") ?? "";
    this.api = new modules.api.Api(button.getAttribute("start-url") ?? "", this.product, button.lang);
  }

  /** @param {string} id @returns {any} the element; a spare one where a shop's template left it out */
  $(id) {
    return this.root.getElementById(id) ?? document.createElement("input");
  }

  /** @param {string} selector @returns {any[]} */
  all(selector) {
    return [...this.root.querySelectorAll(selector)];
  }

  async open() {
    const html = await this.api.html(this.button.getAttribute("dialog-url") ?? "");
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet" });
    link.nonce = /** @type {HTMLElement | null} */ (document.querySelector("script[data-vton]"))?.nonce ?? "";
    link.href = this.button.getAttribute("stylesheet") ?? "";
    const styled = new Promise((resolve) => (link.onload = link.onerror = resolve));
    this.root.append(link, ...html.children);
    this.dialog = this.$("dialog");
    document.body.append(this.host);
    await styled;
    this.listen();
    this.view("loading");
    this.dialog.showModal();
    this.emit("opened");
    this.load().catch((error) => this.fail(error));
  }

  listen() {
    const { dialog, root, api, modules } = this;
    const fail = (/** @type {unknown} */ error) => this.fail(error);
    const take = (/** @type {any} */ files) => modules.choose.take(this, files).catch(fail);
    root.addEventListener("click", (/** @type {any} */ { target }) => {
      const button = target.closest("[data-do]");
      if (target === dialog) dialog.close(); // Its backdrop.
      else if (button) this.act(button).catch(fail);
    });
    this.$("file").addEventListener("change", () => take(this.$("file").files));
    this.$("order").addEventListener("submit", (/** @type {any} */ event) => {
      event.preventDefault();
      const order = modules.choose.order(this);
      if (order && !this.sending) modules.tryon.send(this, order).catch(fail);
    });
    dialog.addEventListener("dragover", (event) => event.preventDefault());
    dialog.addEventListener("drop", (/** @type {any} */ event) => {
      event.preventDefault();
      take(event.dataTransfer?.files);
    });
    const paste = (/** @type {any} */ event) => take(event.clipboardData?.files);
    document.addEventListener("paste", paste);
    this.closed.then(() => document.removeEventListener("paste", paste));
    api.onReach = (reached) => (this.$("offline").hidden = reached);
    dialog.addEventListener("close", () => {
      modules.choose.stopCamera(this.$("video"));
      if (!this.sending) this.end();
    });
  }

  end() {
    this.host.remove();
    this.leave();
  }

  /** @param {string} name @param {boolean} [cancelable] @param {string | null} [code] @returns {boolean} whether the page let it pass */
  emit(name, cancelable = false, code = this.tryOn?.error?.code ?? null) {
    const { id = null, status = null } = this.tryOn ?? {};
    const detail = { product: this.product, id, status, code };
    const event = new CustomEvent(`vton:${name}`, { bubbles: true, composed: true, cancelable, detail });
    return (this.button.isConnected ? this.button : document).dispatchEvent(event);
  }

  /** Shows one state, and lets a screen reader begin at its heading. @param {string} name */
  view(name) {
    if (name !== "camera") this.modules.choose.stopCamera(this.$("video"));
    for (const problem of this.all("[data-view] [role=alert]")) problem.textContent = "";
    for (const section of this.all("[data-view]")) {
      section.hidden = section.dataset.view !== name;
      if (!section.hidden) section.querySelector("[tabindex]")?.focus();
    }
    this.dialog.dataset.state = name;
    this.dialog.scrollTop = 0;
  }

  /** A sentence of the templates. @param {string} name @param {Object<string, string>} [values] for its {places} */
  word(name, values = {}) {
    const text = this.sentence("word", name)?.textContent?.trim() ?? "";
    return text.replace(/\{(\w+)\}/g, (_, place) => values[place] ?? "");
  }

  /** @param {string} kind @param {string} name @returns {HTMLElement | null} */
  sentence(kind, name) {
    return this.$("messages").content.querySelector(`[data-${kind}="${CSS.escape(name)}"]`);
  }

  /** @param {Date} date @returns {string} in the shopper's own time: "tomorrow at 14:00" */
  when(date) {
    const { lang } = this.dialog;
    const days = Math.round((new Date(date).setHours(12, 0, 0) - new Date().setHours(12, 0, 0)) / 86_400_000);
    const day =
      days < 2
        ? new Intl.RelativeTimeFormat(lang, { numeric: "auto" }).format(days, "day")
        : new Intl.DateTimeFormat(lang, { dateStyle: "long" }).format(date);
    return this.word("when", { day, time: new Intl.DateTimeFormat(lang, { timeStyle: "short" }).format(date) });
  }

  /** @param {unknown} error */
  fail(error) {
    if (!(error instanceof this.modules.api.Refused)) reportError(error);
    const { code = "unexpected", detail = "", seconds = 0 } = error instanceof this.modules.api.Refused ? error : {};
    this.problem(code, detail, seconds ? this.again(new Date(Date.now() + seconds * 1000)) : "");
  }

  /** @param {Date} date */
  again(date) {
    return this.word("again", { when: this.when(date) });
  }

  /** Says what is wrong in the view where it can be put right.
   * @param {string} code @param {string} [detail] where no template knows the code @param {string} [more] @param {boolean} [retry] */
  problem(code, detail, more = "", retry = false) {
    const sentence = this.sentence("code", code);
    const { at = "error" } = sentence?.dataset ?? {};
    this.view(at);
    this.$("retry").hidden = !this.order || !(retry || sentence?.hasAttribute("data-retry"));
    const place = this.$(`${at}-problem`);
    place.textContent = `${sentence?.textContent?.trim() || detail || this.word("failed")} ${more}`;
    place.scrollIntoView({ block: "nearest" });
  }

  /** What the shop knows decides where the shopper begins. */
  async load() {
    const { product, active, latest, links } = (this.start = await this.api.start());
    this.$("product-title").textContent = product.title;
    this.$("product-image").hidden = !product.image_url;
    if (product.image_url) this.$("product-image").src = product.image_url;
    this.$("history").href = links.history;
    this.$("privacy").href = links.privacy;
    const running = active.find((tryOn) => tryOn.product === this.product);
    if (running) await this.modules.tryon.follow(this, running);
    else if (latest) this.show(latest);
    else this.modules.choose.show(this);
  }

  /** @param {TryOn} tryOn */
  show(tryOn) {
    this.tryOn = tryOn;
    if (tryOn.status === "completed") return this.modules.tryon.show(this, tryOn);
    const { code = "vendor", message, retryable } = tryOn.error ?? {};
    this.problem(code, message, this.word(tryOn.counted ? "counted" : "free"), retryable);
  }

  /** @param {HTMLElement} button */
  async act(button) {
    const { api, modules, tryOn } = this;
    const { id } = button.dataset;
    const video = this.$("video");
    switch (button.dataset.do) {
      case "close":
        return this.dialog.close();
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
        return modules.choose.show(this);
      case "camera": {
        this.view("camera");
        const code = await modules.choose.startCamera(video);
        return code ? this.problem(code) : undefined;
      }
      case "snap":
        return modules.choose.check(this, await modules.choose.snap(video));
      case "cancel":
        if (!tryOn) return;
        return modules.tryon.over(this, (await api.write("POST", `${api.tryOns}${tryOn.id}/cancel/`)).data);
      case "retry":
        // A render that failed has ended: the same photo is a new order. A call that failed may have been heard: the same one.
        if (this.order) await modules.tryon.send(this, this.order.body, tryOn?.error ? undefined : this.order.key);
        return;
      default:
        if (tryOn) await modules.tryon.act(this, tryOn, button);
    }
  }
}

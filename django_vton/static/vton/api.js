/** Calls to the shop, which outlive a lost network, a rotated CSRF token and a slow render. */

/** @import {Answer, CallOptions, Start, TryOn} from "./types" */

/** The shop's "no": its code names the sentence to show. */
export class Refused extends Error {
  /** @param {string} code @param {string} [detail] a sentence @param {number} [seconds] until it may work again */
  constructor(code, detail = "", seconds = 0) {
    super(code);
    this.code = code;
    this.detail = detail;
    this.seconds = seconds;
  }
}

/** No answer, or not one of the shop's application: worth another call. */
class Unreached extends Error {
  /** @param {boolean} answered by something on the way */
  constructor(answered) {
    super("unreached");
    this.answered = answered;
  }
}

/** What it means where something before the shop's application says no: a proxy, or a firewall. @type {Record<number, string>} */
const FOREIGN = { 401: "blocked", 403: "blocked", 406: "blocked", 413: "upload_too_large", 429: "busy" };

/** By XMLHttpRequest, which tells how much is sent, and parses HTML without a Trusted Types sink.
 * @param {string} method @param {string | URL} url @param {CallOptions} [options] @returns {Promise<Answer>} */
function call(method, url, { body = null, headers = {}, type = "json", onProgress } = {}) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open(method, url);
    xhr.responseType = type;
    xhr.timeout = body ? 180_000 : 30_000;
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    if (onProgress) xhr.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    xhr.onerror = xhr.ontimeout = () => reject(new Unreached(false));
    xhr.onload = () => {
      const { status, response: data } = xhr;
      const header = (/** @type {string} */ name) => xhr.getResponseHeader(name);
      if (status < 400) resolve({ status, data, header });
      else if (data?.code) reject(new Refused(data.code, data.detail, Number(header("Retry-After"))));
      else reject(status < 500 ? new Refused(FOREIGN[status] ?? "unexpected") : new Unreached(true));
    };
    xhr.send(body);
  });
}

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {number} ms the longest wait for the network's return */
const online = (ms) =>
  Promise.race([sleep(ms), new Promise((resolve) => addEventListener("online", resolve, { once: true }))]);

const visible = async () => {
  while (document.hidden)
    await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
};

/** @param {TryOn} tryOn */
export const isOver = ({ status }) => status !== "queued" && status !== "processing";

export class Api {
  token = "";
  tryOns = "";
  photos = "";
  /** Tells the visitors of this browser apart. */
  visitor = "";
  /** Hears whether the network is there. @type {(reached: boolean) => void} */
  onReach = () => {};

  /** @param {string} startUrl @param {string} product @param {string} lang the page's */
  constructor(startUrl, product, lang) {
    this.query = new URLSearchParams({ product, lang });
    this.startUrl = `${startUrl}?${this.query}`;
  }

  /** The dialog, and the addresses that it bears. @param {string} url @returns {Promise<HTMLElement>} */
  async html(url) {
    const { data } = await call("GET", `${url}?${this.query}`, { type: "document" });
    const { tryOns, photos } = data.querySelector("dialog").dataset;
    Object.assign(this, { tryOns, photos });
    return data.body;
  }

  /** @param {string} url @returns {Promise<CSSStyleSheet>} */
  async sheet(url) {
    const { data } = await call("GET", url, { type: "text" });
    return new CSSStyleSheet().replace(data);
  }

  /** @returns {Promise<Start>} */
  async start() {
    if (!navigator.cookieEnabled) throw new Refused("cookies_blocked");
    const answer = await this.persist(() => call("GET", this.startUrl));
    this.token = answer.data.csrf_token;
    this.knows(answer);
    return answer.data;
  }

  /** Calls until it gets through; gives up only where something answers that is not the shop.
   * @template T @param {() => Promise<T>} attempt @returns {Promise<T>} */
  async persist(attempt) {
    for (let wait = 1000, answers = 0; ; wait = Math.min(wait * 2, 30_000)) {
      try {
        const result = await attempt();
        this.onReach(true);
        return result;
      } catch (error) {
        this.onReach(!(error instanceof Unreached) || error.answered);
        if (!(error instanceof Unreached)) throw error;
        if (error.answered && ++answers > 3) throw new Refused("unreachable");
        await online(wait);
      }
    }
  }

  /** @param {Answer} answer that says who is here */
  knows({ header }) {
    this.visitor = header("Vton-Visitor") ?? "";
  }

  /** Refuses where the browser keeps no cookies: there, an empty order is refused for its token. */
  async requireCookies() {
    const headers = { "X-CSRFToken": this.token };
    const empty = this.persist(() => call("POST", `${this.tryOns}?${this.query}`, { headers }));
    const code = await empty.catch((error) => error.code);
    if (code === "csrf_failed") throw new Refused("cookies_blocked");
  }

  /** A login elsewhere rotates the token. All may be repeated: a POST of a try-on bears its key.
   * @param {string} method @param {string} url @param {CallOptions} [options] */
  async write(method, url, { headers, ...options } = {}) {
    const attempt = () =>
      this.persist(() => call(method, `${url}?${this.query}`, { ...options, headers: { ...headers, "X-CSRFToken": this.token } }));
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "csrf_failed") throw error;
      await this.start();
      await this.requireCookies(); // Before a photo is sent once more.
      return attempt();
    }
  }

  /** Asks until it is over, as often as the shop says, less the longer it takes, never from a hidden tab.
   * @param {string} id @param {(tryOn: TryOn) => unknown} onChange @param {() => boolean} wanted */
  async watch(id, onChange, wanted) {
    const began = Date.now();
    for (let etag = ""; ; ) {
      await visible();
      if (!wanted()) return;
      const headers = etag ? { "If-None-Match": etag } : undefined;
      const { status, data, header } = await this.persist(() =>
        call("GET", `${this.tryOns}${id}/?${this.query}`, { headers }),
      );
      if (!wanted()) return;
      if (status === 200) {
        etag = header("ETag") ?? "";
        await onChange(data);
        if (isOver(data)) return;
      }
      const slower = (Date.now() - began) / 20;
      await sleep(Math.max(1000, Number(header("Retry-After")) * 1000, Math.min(slower, 15_000)));
    }
  }
}

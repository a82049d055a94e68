/** Requests to the shop. They survive a lost network, a rotated CSRF token and a slow render. */

/** @import {Answer, CallOptions, Start, TryOn} from "./types" */

/** A refusal by the shop. Its code selects the message. */
export class Refused extends Error {
  /** @param {string} code @param {string} [detail] a message @param {number} [seconds] until a retry may work */
  constructor(code, detail = "", seconds = 0) {
    super(code);
    this.code = code;
    this.detail = detail;
    this.seconds = seconds;
  }
}

/** No answer of the shop's application. The request may be retried. */
class NoAnswer extends Error {
  /** @param {boolean} isForeign such as a proxy's answer */
  constructor(isForeign) {
    super("no answer");
    this.isForeign = isForeign;
  }
}

/** Refusals of a proxy or a firewall. @type {Record<number, string>} */
const PROXY_CODES = { 401: "blocked", 403: "blocked", 406: "blocked", 413: "upload_too_large", 429: "busy" };

/** XMLHttpRequest reports upload progress, and parses HTML without a Trusted Types sink.
 * @param {string} method @param {string | URL} url @param {CallOptions} [options] @returns {Promise<Answer>} */
function send(method, url, { body = null, headers = {}, type = "json", onProgress } = {}) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open(method, url);
    xhr.responseType = type;
    xhr.timeout = body ? 180_000 : 30_000;
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    if (onProgress) xhr.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    xhr.onerror = xhr.ontimeout = () => reject(new NoAnswer(false));
    xhr.onload = () => {
      const { status, response: data } = xhr;
      const header = (/** @type {string} */ name) => xhr.getResponseHeader(name);
      if (status < 400) resolve({ status, data, header });
      else if (data?.code) reject(new Refused(data.code, data.detail, Number(header("Retry-After"))));
      else reject(status < 500 ? new Refused(PROXY_CODES[status] ?? "unexpected") : new NoAnswer(true));
    };
    xhr.send(body);
  });
}

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {number} ms the longest wait */
const waitForNetwork = (ms) =>
  Promise.race([sleep(ms), new Promise((resolve) => addEventListener("online", resolve, { once: true }))]);

const waitUntilVisible = async () => {
  while (document.hidden)
    await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
};

/** @param {TryOn} tryOn */
export const hasEnded = ({ status }) => status !== "queued" && status !== "processing";

export class Api {
  token = "";
  tryOns = "";
  photos = "";
  /** Distinguishes the visitors of this browser. */
  visitor = "";
  /** @type {(isOnline: boolean) => void} */
  onConnectivity = () => {};

  /** @param {string} startUrl @param {string} product @param {string} lang the page's */
  constructor(startUrl, product, lang) {
    this.query = new URLSearchParams({ product, lang });
    this.startUrl = `${startUrl}?${this.query}`;
  }

  /** The dialog, with the API's URLs. @param {string} url @returns {Promise<HTMLElement>} */
  async loadHtml(url) {
    const { data } = await send("GET", `${url}?${this.query}`, { type: "document" });
    const { tryOns, photos } = data.querySelector("dialog").dataset;
    Object.assign(this, { tryOns, photos });
    return data.body;
  }

  /** @param {string} url @returns {Promise<CSSStyleSheet>} */
  async loadStyleSheet(url) {
    const { data } = await send("GET", url, { type: "text" });
    return new CSSStyleSheet().replace(data);
  }

  /** @returns {Promise<Start>} */
  async start() {
    if (!navigator.cookieEnabled) throw new Refused("cookies_blocked");
    const answer = await this.retry(() => send("GET", this.startUrl));
    this.token = answer.data.csrf_token;
    this.setVisitor(answer);
    return answer.data;
  }

  /** Retries until the shop answers. Gives up after three retries if only a proxy answers.
   * @template T @param {() => Promise<T>} attempt @returns {Promise<T>} */
  async retry(attempt) {
    for (let wait = 1000, foreign = 0; ; wait = Math.min(wait * 2, 30_000)) {
      try {
        const result = await attempt();
        this.onConnectivity(true);
        return result;
      } catch (error) {
        this.onConnectivity(!(error instanceof NoAnswer) || error.isForeign);
        if (!(error instanceof NoAnswer)) throw error;
        if (error.isForeign && ++foreign > 3) throw new Refused("unreachable");
        await waitForNetwork(wait);
      }
    }
  }

  /** @param {Answer} answer */
  setVisitor({ header }) {
    this.visitor = header("Vton-Visitor") ?? "";
  }

  /** Throws if cookies are blocked: then an empty order is refused for its CSRF token. */
  async requireCookies() {
    const headers = { "X-CSRFToken": this.token };
    const empty = this.retry(() => send("POST", `${this.tryOns}?${this.query}`, { headers }));
    const code = await empty.catch((error) => error.code);
    if (code === "csrf_failed") throw new Refused("cookies_blocked");
  }

  /** Repeats a request after a login elsewhere has rotated the CSRF token. An order has an idempotency key.
   * @param {string} method @param {string} url @param {CallOptions} [options] */
  async request(method, url, { headers, ...options } = {}) {
    const attempt = () =>
      this.retry(() => send(method, `${url}?${this.query}`, { ...options, headers: { ...headers, "X-CSRFToken": this.token } }));
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "csrf_failed") throw error;
      await this.start();
      await this.requireCookies(); // Before a photo is sent again.
      return attempt();
    }
  }

  /** Polls until the try-on has ended: more slowly the longer it takes, never in a hidden tab.
   * @param {string} id @param {(tryOn: TryOn) => unknown} onChange @param {() => boolean} isWanted */
  async poll(id, onChange, isWanted) {
    const startedAt = Date.now();
    for (let etag = ""; ; ) {
      await waitUntilVisible();
      if (!isWanted()) return;
      const headers = etag ? { "If-None-Match": etag } : undefined;
      const { status, data, header } = await this.retry(() => send("GET", `${this.tryOns}${id}/?${this.query}`, { headers }));
      if (!isWanted()) return;
      if (status === 200) {
        etag = header("ETag") ?? "";
        await onChange(data);
        if (hasEnded(data)) return;
      }
      const slower = (Date.now() - startedAt) / 20;
      await sleep(Math.max(1000, Number(header("Retry-After")) * 1000, Math.min(slower, 15_000)));
    }
  }
}

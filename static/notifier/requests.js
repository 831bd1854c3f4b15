import { FETCH_TIMEOUT_MS, intervalFrom } from "./timing.js";
import { isAnswer, isRead } from "./wire.js";

/** The server no longer knows who we are: nothing but a new page can help. */
export class SignedOut extends Error {
  name = "SignedOut";
}

/** The HTTP half: one poll, one write, both with an end. */
export class Requests {
  /**
   * @param {{fetch: typeof fetch, clock: object, pollUrl: string, readUrl: string}} parts
   */
  constructor({ fetch, clock, pollUrl, readUrl }) {
    Object.assign(this, { fetch, clock, pollUrl, readUrl });
    this.aborts = new Set();
  }

  /**
   * @param {number} since
   * @param {number} missed how many events an earlier poll brought instead of a push
   * @returns {Promise<{events: object[], interval: number | null}>}
   */
  async poll(since, missed = 0) {
    const separator = this.pollUrl.includes("?") ? "&" : "?";
    const query = `since=${since}${missed ? `&missed=${missed}` : ""}`;
    const { body, headers } = await this.send(`${this.pollUrl}${separator}${query}`);
    if (!isAnswer(body)) throw new TypeError(`${this.pollUrl} did not answer with events`);
    return { events: body, interval: intervalFrom(headers.get("Poll-Interval")) };
  }

  /**
   * @param {number} upTo the stamp of the newest message that was read
   * @returns {Promise<{unread: number, timestamp: number}>}
   */
  async markRead(upTo) {
    const { body } = await this.send(this.readUrl, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json" },
      body: JSON.stringify({ up_to: upTo }),
    });
    if (!isRead(body)) throw new TypeError(`${this.readUrl} did not answer with a count`);
    return body;
  }

  async send(url, options = {}) {
    const { fetch } = this; // browsers refuse a fetch that is called as a method
    const abort = new AbortController();
    const timer = this.clock.setTimeout(() => abort.abort(), FETCH_TIMEOUT_MS);
    this.aborts.add(abort);
    try {
      const response = await fetch(url, {
        headers: { Accept: "application/json" },
        ...options,
        credentials: "same-origin",
        cache: "no-store",
        signal: abort.signal,
      });
      if (response.status === 401) throw new SignedOut(`${url} answered 401`);
      if (!response.ok) throw new Error(`${url} answered ${response.status}`);
      return { body: await response.json(), headers: response.headers };
    } finally {
      this.clock.clearTimeout(timer);
      this.aborts.delete(abort);
    }
  }

  stop() {
    for (const abort of this.aborts) abort.abort();
  }
}

/** Stand-ins for everything a client touches. Time passes only when a test says so. */

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A clock whose timers fire during advance(), in order. */
export class FakeClock {
  constructor() {
    this.time = 0;
    this.timers = new Map();
    this.lastId = 0;
    this.now = () => this.time;
    this.setTimeout = (action, delay) => {
      this.timers.set(++this.lastId, { action, at: this.time + delay });
      return this.lastId;
    };
    this.clearTimeout = (id) => this.timers.delete(id);
  }

  async advance(duration) {
    const end = this.time + duration;
    for (let due; (due = this.next(end)); await settle()) {
      this.timers.delete(due.id);
      this.time = due.at;
      due.action();
    }
    this.time = end;
    await settle();
  }

  next(end) {
    const due = [...this.timers].map(([id, timer]) => ({ id, ...timer }));
    return due.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at || a.id - b.id)[0];
  }
}

/** A Socket.IO socket of which the test plays the server. */
export class FakeSocket {
  constructor() {
    this.handlers = new Map();
    this.attempts = 0;
    this.disconnects = 0;
  }

  on(event, handler) {
    this.handlers.set(event, handler);
  }

  onAny(handler) {
    this.any = handler;
  }

  connect() {
    this.attempts += 1;
  }

  disconnect() {
    this.disconnects += 1;
  }

  accept() {
    this.handlers.get("connect")();
  }

  refuse(code) {
    this.handlers.get("connect_error")(Object.assign(new Error("no"), code && { data: { code } }));
  }

  drop(reason = "transport close") {
    this.handlers.get("disconnect")(reason);
  }

  emit(name, payload) {
    this.any(name, payload);
  }
}

/** An HTTP server: `answer` decides, or nobody answers while it is null. */
export class FakeFetch {
  constructor(answer = () => [200, []]) {
    this.answer = answer;
    this.calls = [];
    this.fetch = (url, options) => {
      this.calls.push({ url, options });
      return new Promise((resolve, reject) => {
        options.signal.addEventListener("abort", () => reject(new Error("aborted")));
        if (this.answer) resolve(this.respond(url, options));
      });
    };
  }

  respond(url, options) {
    const [status, body, headers = {}] = this.answer(url, options);
    const ok = status >= 200 && status < 300;
    return { status, ok, headers: new Headers(headers), json: async () => body };
  }

  get urls() {
    return this.calls.map(({ url }) => url);
  }

  /** The `since` of each poll so far. */
  get asked() {
    return this.urls.map((url) => Number(new URL(url, "http://host").searchParams.get("since")));
  }
}

/** A page that is visible until told otherwise. */
export class FakePage {
  isHidden = false;
  hidden = () => this.isHidden;

  listen(listeners) {
    Object.assign(this, listeners);
    return () => (this.unlistened = true);
  }

  hide() {
    this.isHidden = true;
    this.change();
  }

  reveal() {
    this.isHidden = false;
    this.wake();
  }
}

/** What a page would show. */
export class FakeView {
  constructor() {
    this.values = {};
    this.statuses = [];
  }

  show({ name, data }) {
    this.values[name] = data;
  }

  clear(name) {
    delete this.values[name];
  }

  status(state) {
    if (this.statuses.at(-1) !== state) this.statuses.push(state);
  }
}

/** An element, as far as badges are concerned. It counts how often its text is written. */
export class FakeElement {
  #text;

  constructor({ text = "0", ...dataset } = {}) {
    this.#text = text;
    this.dataset = dataset;
    this.hidden = text === "0";
    this.attributes = {};
    this.writes = 0;
  }

  get textContent() {
    return this.#text;
  }

  set textContent(text) {
    this.#text = text;
    this.writes += 1;
  }

  setAttribute(name, value) {
    this.attributes[name] = value;
  }
}

/** A document with badges and status elements. */
export class FakeDocument extends EventTarget {
  constructor({ badges = [], statuses = [] } = {}) {
    super();
    this.hidden = false;
    this.elements = { "[data-notifier-badge]": badges, "[data-notifier-status]": statuses };
  }

  querySelectorAll(selector) {
    return this.elements[selector];
  }
}

import {
  BUSY_BACKOFF,
  CONNECT_TIMEOUT_MS,
  RECONNECT_BACKOFF,
  REFUSED_BACKOFF,
  STABLE_MS,
  backoff,
} from "./timing.js";

const BACKOFFS = {
  unauthorized: REFUSED_BACKOFF,
  expired: REFUSED_BACKOFF,
  revoked: REFUSED_BACKOFF,
  too_many: BUSY_BACKOFF,
  unavailable: BUSY_BACKOFF,
};

/**
 * One Socket.IO socket, kept open.
 *
 * The reconnection of socket.io-client is turned off. It does not act after a server's
 * disconnect or refusal, so half of it would be needed here anyway, and two halves can differ.
 */
export class Connection {
  /**
   * @param {{socket: object, clock: object, random: () => number,
   *   onChange: () => void, onEvent: (name: string, payload: *) => void,
   *   warn: (text: string) => void}} parts `socket` with `reconnection` and `autoConnect` false
   */
  constructor({ socket, clock, random, onChange, onEvent, warn }) {
    Object.assign(this, { socket, clock, random, onChange, warn });
    this.connected = false;
    this.isWanted = false;
    this.attempts = 0;
    this.retryTimer = null;
    this.stuckTimer = null;
    socket.on("connect", () => this.connectedNow());
    socket.on("disconnect", () => this.lost(RECONNECT_BACKOFF));
    socket.on("connect_error", (error) => this.refused(error));
    socket.onAny(onEvent);
  }

  /** Connect now instead of when it was planned. */
  open() {
    this.isWanted = true;
    // A second CONNECT while the first waits for its answer would be a protocol error.
    if (this.connected || this.stuckTimer !== null) return;
    this.clearTimers();
    this.stuckTimer = this.clock.setTimeout(() => this.stuck(), CONNECT_TIMEOUT_MS);
    this.socket.connect();
  }

  /** Disconnect and stay so until open(). */
  close() {
    this.isWanted = false;
    this.clearTimers();
    this.socket.disconnect();
    this.connected = false;
  }

  connectedNow() {
    this.clearTimers();
    this.connected = true;
    this.connectedAt = this.clock.now();
    this.onChange();
  }

  refused(error) {
    const code = error?.data?.code;
    if (code) this.warn(`the server refused the socket (${code}); polling instead`);
    this.lost(BACKOFFS[code] ?? RECONNECT_BACKOFF);
  }

  stuck() {
    this.socket.disconnect();
    this.lost(RECONNECT_BACKOFF);
  }

  /** Also called twice for one loss: the socket may report an error and then its end. */
  lost(delays) {
    const wasStable = this.connected && this.clock.now() - this.connectedAt >= STABLE_MS;
    if (wasStable) this.attempts = 0;
    this.connected = false;
    if (this.isWanted && this.retryTimer === null) this.retryIn(delays);
    this.onChange();
  }

  retryIn(delays) {
    this.clearTimers();
    const delay = backoff(delays, this.attempts, this.random);
    this.attempts += 1;
    this.retryTimer = this.clock.setTimeout(() => this.open(), delay);
  }

  clearTimers() {
    this.clock.clearTimeout(this.retryTimer);
    this.clock.clearTimeout(this.stuckTimer);
    this.retryTimer = null;
    this.stuckTimer = null;
  }
}

const keyOf = ({ name, timestamp }) => `${name} ${timestamp}`;

/**
 * Counts the events that a poll brought although a push should have: a figure for whoever runs
 * the server, reported with the next poll and of no consequence here.
 *
 * An event counts if it is newer than the cursor was when the poll left, if the socket was there
 * since before, and if no push of it comes until the report.
 */
export class Missed {
  constructor() {
    this.found = new Set();
    this.reset();
  }

  /** There is no socket: what happens until the next one is caught up is nobody's miss. */
  reset() {
    this.hasHead = false; // the server has said where this socket begins
    this.isCaughtUp = false; // and we have been there
  }

  /** The server said where the head is; `atCursor` if that is no news. */
  head(atCursor) {
    this.hasHead = true;
    this.isCaughtUp ||= atCursor;
  }

  /** A push came, if late. */
  pushed(event) {
    this.found.delete(keyOf(event));
  }

  /** A poll leaves. Hand what this returns to `answered` or forget it. */
  asked(cursor) {
    return { cursor, report: [...this.found], hadHead: this.hasHead, counts: this.isCaughtUp };
  }

  /** The poll was answered, and these effects are its outcome. */
  answered({ cursor, report, hadHead, counts }, effects) {
    for (const key of report) this.found.delete(key);
    if (counts && this.isCaughtUp) {
      const shown = effects.filter(({ type, timestamp }) => type === "show" && timestamp > cursor);
      for (const event of shown) this.found.add(keyOf(event));
    }
    this.isCaughtUp ||= hadHead && this.hasHead;
  }
}

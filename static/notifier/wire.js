/**
 * What may come over the wire, checked once at the edge: the rule trusts what it is given.
 */

const isStamp = (value) => Number.isFinite(value) && value >= 0;

/** One notification, as pushed and as polled. */
export function isEvent(value) {
  return (
    typeof value?.name === "string" && value.data !== undefined && isStamp(value.timestamp)
  );
}

/** A pushed event. The namespace may be shared, so anything else there is not ours. */
export function isPush(name, value) {
  return isEvent(value) && value.name === name && isStamp(value.previous);
}

/** The argument of the event `head`. */
export function isHead(value) {
  return isStamp(value?.timestamp);
}

/** The answer to a poll: events in the order of their stamps. */
export function isAnswer(value) {
  const ascends = (event, index) => index === 0 || value[index - 1].timestamp < event.timestamp;
  return Array.isArray(value) && value.every(isEvent) && value.every(ascends);
}

/** The answer to mark-read. */
export function isRead(value) {
  return Number.isInteger(value?.unread) && isStamp(value.timestamp);
}

// The notifier's tables, written by one statement: that is one transaction and one round trip.

import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

// The inbox is locked by the update of its row, so stamps of a user rise with the commits.
const SEND = {
  name: "send",
  text: `
    WITH advanced AS (
      INSERT INTO inboxes AS i (user_id, clock, unread) VALUES ($1, $4, 1)
      ON CONFLICT (user_id) DO UPDATE
        SET clock = GREATEST(i.clock + 1, excluded.clock), unread = i.unread + 1
      RETURNING user_id, clock, unread
    ), told AS (
      INSERT INTO notifications (user_id, name, data, stamp)
      SELECT user_id, 'unread_message_count', to_json(unread), clock FROM advanced
      ON CONFLICT (user_id, name) DO UPDATE SET data = excluded.data, stamp = excluded.stamp
    ), stored AS (
      INSERT INTO messages (recipient_id, sender_id, body, stamp)
      SELECT user_id, $2, $3, clock FROM advanced RETURNING id
    )
    SELECT user_id, clock, unread, id FROM advanced, stored`,
};

// The same for many users, who are sorted so that two calls cannot lock each other out.
const SEND_MANY = {
  name: "send-many",
  text: SEND.text
    .replace("VALUES ($1, $4, 1)", "SELECT given, $4, 1 FROM unnest($1::text[]) AS given")
    .replace("RETURNING id", "RETURNING id, recipient_id")
    .replace("FROM advanced, stored", "FROM advanced JOIN stored ON recipient_id = user_id"),
};

const SINCE = {
  name: "since",
  text: `SELECT name, data, stamp FROM notifications
    WHERE user_id = $1 AND stamp > $2 ORDER BY stamp`,
};

const now = () => Date.now() * 1000;

export async function send(to, from, body) {
  const { rows } = await pool.query({ ...SEND, values: [to, from, body, now()] });
  return rows;
}

export async function sendMany(users, from, body) {
  const sorted = [...new Set(users)].sort();
  const { rows } = await pool.query({ ...SEND_MANY, values: [sorted, from, body, now()] });
  return rows;
}

export async function since(user, stamp) {
  const { rows } = await pool.query({ ...SINCE, values: [user, stamp] });
  return rows.map(({ name, data, stamp: at }) => ({ name, data, timestamp: Number(at) / 1e6 }));
}

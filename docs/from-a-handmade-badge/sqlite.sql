BEGIN IMMEDIATE;
INSERT INTO messages (recipient_id, sender_id, body, stamp, read_at)
SELECT CAST(recipient_id AS TEXT), CAST(sender_id AS TEXT), body,
       second * 1000000
           + row_number() OVER (PARTITION BY recipient_id, second ORDER BY created_at, id),
       CASE WHEN is_read THEN CAST(strftime('%s', 'now') AS INTEGER) * 1000000 END
FROM (SELECT *, CAST(strftime('%s', created_at) AS INTEGER) AS second FROM message) AS old;

-- One writer at a time, so the rows can be counted. WHERE: or ON would belong to a join.
INSERT INTO inboxes (user_id, clock, unread)
SELECT recipient_id, 0, sum(read_at IS NULL) FROM messages WHERE true GROUP BY recipient_id
ON CONFLICT (user_id) DO UPDATE SET unread = excluded.unread;
COMMIT;

BEGIN;
INSERT INTO messages (recipient_id, sender_id, body, stamp, read_at)
SELECT recipient_id::text, sender_id::text, body,
       second * 1000000
           + row_number() OVER (PARTITION BY recipient_id, second ORDER BY created_at, id),
       CASE WHEN is_read THEN extract(epoch FROM now())::bigint * 1000000 END
FROM (SELECT *, floor(extract(epoch FROM created_at))::bigint AS second FROM message) AS old;

INSERT INTO inboxes (user_id, clock, unread)
SELECT recipient_id::text, 0, count(*) FILTER (WHERE NOT is_read) FROM message GROUP BY 1 ORDER BY 1
ON CONFLICT (user_id) DO UPDATE SET unread = inboxes.unread + excluded.unread;
COMMIT;

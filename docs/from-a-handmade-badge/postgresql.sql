INSERT INTO messages (recipient_id, sender_id, body, stamp, read_at)
SELECT recipient_id::text, sender_id::text, body,
       second * 1000000
           + row_number() OVER (PARTITION BY recipient_id, second ORDER BY created_at, id),
       CASE WHEN is_read THEN extract(epoch FROM now())::bigint * 1000000 END
FROM (SELECT *, floor(extract(epoch FROM created_at))::bigint AS second FROM message) AS old;

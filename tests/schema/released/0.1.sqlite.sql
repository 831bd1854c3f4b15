BEGIN TRANSACTION;
CREATE TABLE inboxes (
	user_id VARCHAR(64) NOT NULL, 
	clock BIGINT NOT NULL, 
	unread INTEGER NOT NULL, 
	PRIMARY KEY (user_id)
);
INSERT INTO "inboxes" VALUES('alice',1700000007000000,2);
INSERT INTO "inboxes" VALUES('bob',1700000009000000,0);
INSERT INTO "inboxes" VALUES('carol',1700000007000000,0);
INSERT INTO "inboxes" VALUES('日本',1700000011000001,1);
CREATE TABLE messages (
	id INTEGER NOT NULL, 
	recipient_id VARCHAR(64) NOT NULL, 
	sender_id VARCHAR(64), 
	body TEXT NOT NULL, 
	stamp BIGINT NOT NULL, 
	read_at BIGINT, 
	PRIMARY KEY (id)
);
INSERT INTO "messages" VALUES(1,'alice','shop','Your order left.',1700000002000000,1700000005000000);
INSERT INTO "messages" VALUES(2,'bob','alice','hi',1700000002000000,1700000009000000);
INSERT INTO "messages" VALUES(3,'alice',NULL,'It''s here: naïve ☃
line two',1700000003000000,NULL);
INSERT INTO "messages" VALUES(4,'alice','bob','third',1700000004000000,NULL);
INSERT INTO "messages" VALUES(5,'日本','alice','こんにちは',1700000011000000,NULL);
CREATE TABLE notifications (
	user_id VARCHAR(64) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	data TEXT NOT NULL, 
	stamp BIGINT NOT NULL, 
	PRIMARY KEY (user_id, name)
);
INSERT INTO "notifications" VALUES('alice','unread_message_count','2',1700000005000000);
INSERT INTO "notifications" VALUES('bob','unread_message_count','0',1700000009000000);
INSERT INTO "notifications" VALUES('alice','order_status','{"n": [1, null, "x"]}',1700000007000000);
INSERT INTO "notifications" VALUES('carol','task_progress:7','0.5',1700000007000000);
INSERT INTO "notifications" VALUES('bob','answer','"42"',1700000008000000);
INSERT INTO "notifications" VALUES('日本','unread_message_count','1',1700000011000001);
CREATE UNIQUE INDEX messages_newest ON messages (recipient_id, stamp);
CREATE INDEX messages_unread ON messages (recipient_id, stamp) WHERE read_at IS NULL;
CREATE UNIQUE INDEX notifications_newest ON notifications (user_id, stamp);
COMMIT;

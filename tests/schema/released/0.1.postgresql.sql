CREATE TABLE public.inboxes (
    user_id character varying(64) NOT NULL COLLATE pg_catalog."C",
    clock bigint NOT NULL,
    unread integer NOT NULL
);
CREATE TABLE public.messages (
    id bigint NOT NULL,
    recipient_id character varying(64) NOT NULL COLLATE pg_catalog."C",
    sender_id character varying(64) COLLATE pg_catalog."C",
    body text NOT NULL,
    stamp bigint NOT NULL,
    read_at bigint
);
CREATE SEQUENCE public.messages_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.messages_id_seq OWNED BY public.messages.id;
CREATE TABLE public.notifications (
    user_id character varying(64) NOT NULL COLLATE pg_catalog."C",
    name character varying(64) NOT NULL,
    data json NOT NULL,
    stamp bigint NOT NULL
);
ALTER TABLE ONLY public.messages ALTER COLUMN id SET DEFAULT nextval('public.messages_id_seq'::regclass);
INSERT INTO public.inboxes VALUES ('alice', 1700000007000000, 2);
INSERT INTO public.inboxes VALUES ('carol', 1700000007000000, 0);
INSERT INTO public.inboxes VALUES ('bob', 1700000009000000, 0);
INSERT INTO public.inboxes VALUES ('日本', 1700000011000001, 1);
INSERT INTO public.messages VALUES (3, 'alice', NULL, 'It''s here: naïve ☃
line two', 1700000003000000, NULL);
INSERT INTO public.messages VALUES (4, 'alice', 'bob', 'third', 1700000004000000, NULL);
INSERT INTO public.messages VALUES (1, 'alice', 'shop', 'Your order left.', 1700000002000000, 1700000005000000);
INSERT INTO public.messages VALUES (2, 'bob', 'alice', 'hi', 1700000002000000, 1700000009000000);
INSERT INTO public.messages VALUES (5, '日本', 'alice', 'こんにちは', 1700000011000000, NULL);
INSERT INTO public.notifications VALUES ('alice', 'unread_message_count', '2', 1700000005000000);
INSERT INTO public.notifications VALUES ('alice', 'order_status', '{"n": [1, null, "x"]}', 1700000007000000);
INSERT INTO public.notifications VALUES ('carol', 'task_progress:7', '0.5', 1700000007000000);
INSERT INTO public.notifications VALUES ('bob', 'answer', '"42"', 1700000008000000);
INSERT INTO public.notifications VALUES ('bob', 'unread_message_count', '0', 1700000009000000);
INSERT INTO public.notifications VALUES ('日本', 'unread_message_count', '1', 1700000011000001);
SELECT pg_catalog.setval('public.messages_id_seq', 5, true);
ALTER TABLE ONLY public.inboxes
    ADD CONSTRAINT inboxes_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (user_id, name);
CREATE UNIQUE INDEX messages_newest ON public.messages USING btree (recipient_id, stamp);
CREATE INDEX messages_unread ON public.messages USING btree (recipient_id, stamp) WHERE (read_at IS NULL);
CREATE UNIQUE INDEX notifications_newest ON public.notifications USING btree (user_id, stamp);

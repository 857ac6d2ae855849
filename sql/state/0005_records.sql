-- SPDX-License-Identifier: PostgreSQL
-- 0005_records.sql - what happened: credentials, host certificates, audit, nonces, refusals, changes.
-- Ledgers have no foreign keys: they outlive what they tell of, and each key would cost every issue (docs/adr/0002).

CREATE TABLE sft.credentials (
    request_id       uuid        NOT NULL CONSTRAINT request_taken PRIMARY KEY,
    team_id          uuid        NOT NULL,
    kind             text        NOT NULL CONSTRAINT credential_kind_unknown CHECK (kind IN ('ssh_user', 'x509_client')),
    project_id       uuid        NOT NULL,
    server_id        uuid,
    user_id          uuid        NOT NULL,
    client_id        uuid        NOT NULL,
    session_id       uuid        NOT NULL,
    authority_id     uuid        NOT NULL,
    serial           bigint      NOT NULL CONSTRAINT credential_serial_range CHECK (serial > 0),
    fingerprint      text        NOT NULL,
    server_user_name text        NOT NULL,
    principal        text        NOT NULL,
    admin            boolean     NOT NULL,
    ttl_s            int         NOT NULL,
    valid_after      timestamptz NOT NULL,
    valid_before     timestamptz NOT NULL,
    project          text        NOT NULL,
    decision         jsonb       NOT NULL,
    peer             inet,
    created_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT credential_server CHECK ((kind = 'ssh_user') = (server_id IS NOT NULL))
);
CREATE INDEX credentials_of_user ON sft.credentials (team_id, user_id, created_at);
CREATE INDEX credentials_that_live ON sft.credentials (team_id, valid_before);
COMMENT ON TABLE sft.credentials IS 'Who was issued what, and why. The bytes that were signed are in sftca.certificates under the same id.';
COMMENT ON COLUMN sft.credentials.request_id IS 'Chosen by the client: nonce of its signature and id of the vault''s record.';
COMMENT ON COLUMN sft.credentials.fingerprint IS 'Of the certified public key.';
COMMENT ON COLUMN sft.credentials.project IS 'The project''s name as the certificate has it.';
COMMENT ON COLUMN sft.credentials.decision IS 'What sft_core.decide was asked and what it answered.';
COMMENT ON CONSTRAINT request_taken ON sft.credentials IS 'This request_id was used for another request.';
COMMENT ON CONSTRAINT credential_kind_unknown ON sft.credentials IS 'The kind is ssh_user or x509_client.';
COMMENT ON CONSTRAINT credential_serial_range ON sft.credentials IS 'A serial is positive.';
COMMENT ON CONSTRAINT credential_server ON sft.credentials IS 'An SSH credential was asked for a server.';
COMMENT ON INDEX sft.credentials_of_user IS 'A user''s credentials, by time.';
COMMENT ON INDEX sft.credentials_that_live IS 'A team''s credentials that have not expired.';

CREATE TABLE sft.host_certificates (
    request_id   uuid        NOT NULL CONSTRAINT host_certificate_taken PRIMARY KEY,
    team_id      uuid        NOT NULL,
    project_id   uuid        NOT NULL,
    server_id    uuid        NOT NULL,
    authority_id uuid        NOT NULL,
    serial       bigint      NOT NULL CONSTRAINT host_certificate_serial_range CHECK (serial > 0),
    fingerprint  text        NOT NULL,
    principals   text[]      NOT NULL,
    valid_after  timestamptz NOT NULL,
    valid_before timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX host_certificates_of_server ON sft.host_certificates (team_id, server_id, created_at);
COMMENT ON TABLE sft.host_certificates IS 'Which server was issued which host certificate.';
COMMENT ON CONSTRAINT host_certificate_taken ON sft.host_certificates IS 'This request_id was used for another request.';
COMMENT ON CONSTRAINT host_certificate_serial_range ON sft.host_certificates IS 'A serial is positive.';
COMMENT ON INDEX sft.host_certificates_of_server IS 'A server''s host certificates, by time.';

CREATE TABLE sft.audit_events (
    id         bigint      NOT NULL GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_event_taken PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    team_id    uuid,
    type       text        NOT NULL,
    actor_kind text        NOT NULL,
    actor      text        NOT NULL,
    user_id    uuid,
    client_id  uuid,
    session_id uuid,
    server_id  uuid,
    project_id uuid,
    request_id uuid,
    trace_id   text,
    peer       inet,
    status     int,
    error      text,
    details    jsonb       NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_events_of_team ON sft.audit_events (team_id, id);
CREATE INDEX audit_events_of_request ON sft.audit_events (request_id) WHERE request_id IS NOT NULL;
COMMENT ON TABLE sft.audit_events IS 'What was done and what was refused, in the transaction that did or refused it. Only ever added to: no role has the right to change or remove.';
COMMENT ON COLUMN sft.audit_events.team_id IS 'Null: the event concerns the whole instance.';
COMMENT ON COLUMN sft.audit_events.actor IS 'Who acted, as text that outlives renames: a user''s name, client/<id>, server/<id>, dba:<role>.';
COMMENT ON COLUMN sft.audit_events.error IS 'The code word of a refusal; null: it was done.';
COMMENT ON CONSTRAINT audit_event_taken ON sft.audit_events IS 'An event with this number exists already.';
COMMENT ON INDEX sft.audit_events_of_team IS 'A team''s events in order.';
COMMENT ON INDEX sft.audit_events_of_request IS 'The events of a request.';

CREATE TABLE sft.nonces (
    actor_id     uuid        NOT NULL,
    request_id   uuid        NOT NULL,
    first_status int         NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT request_replayed PRIMARY KEY (actor_id, request_id)
);
CREATE INDEX nonces_by_age ON sft.nonces (created_at);
COMMENT ON TABLE sft.nonces IS 'The request_ids of writes, kept for longer than a signature is good, so that none is done twice.';
COMMENT ON COLUMN sft.nonces.actor_id IS 'The client or server whose key signed.';
COMMENT ON COLUMN sft.nonces.first_status IS 'What the first of them was answered.';
COMMENT ON CONSTRAINT request_replayed ON sft.nonces IS 'This request was made before.';
COMMENT ON INDEX sft.nonces_by_age IS 'Nonces that can be forgotten.';

CREATE TABLE sft.refusals (
    peer   text        NOT NULL,
    minute timestamptz NOT NULL,
    error  text        NOT NULL,
    count  bigint      NOT NULL DEFAULT 1,
    CONSTRAINT refusal_taken PRIMARY KEY (peer, minute, error)
);
CREATE INDEX refusals_by_age ON sft.refusals (minute);
COMMENT ON TABLE sft.refusals IS 'Refusals before any identity was known, counted per peer and minute.';
COMMENT ON CONSTRAINT refusal_taken ON sft.refusals IS 'This peer''s refusals are counted already.';
COMMENT ON INDEX sft.refusals_by_age IS 'Counts that can be forgotten.';

CREATE TABLE sft.changes (
    id    bigint      NOT NULL GENERATED ALWAYS AS IDENTITY CONSTRAINT change_taken PRIMARY KEY,
    topic text        NOT NULL CONSTRAINT change_topic_format CHECK (topic ~ '^((server|project|team)/[0-9a-f-]{36}|route)$'),
    at    timestamptz NOT NULL DEFAULT now(),
    xid   xid8        NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX changes_by_age ON sft.changes (at);
COMMENT ON TABLE sft.changes IS 'What changed, as topics; a row and a notification each. The notification is a poke, this is the record.';
COMMENT ON COLUMN sft.changes.xid IS 'The transaction, because ids do not come in commit order.';
COMMENT ON CONSTRAINT change_taken ON sft.changes IS 'A change with this number exists already.';
COMMENT ON CONSTRAINT change_topic_format ON sft.changes IS 'A topic is server/<id>, project/<id>, team/<id> or route.';
COMMENT ON INDEX sft.changes_by_age IS 'Changes that can be forgotten.';

-- Ledgers are added to, not changed; not even by their owner.
REVOKE UPDATE, DELETE, TRUNCATE ON sft.audit_events, sft.credentials, sft.host_certificates, sft.unix_ids FROM sft_owner;

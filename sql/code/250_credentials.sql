-- SPDX-License-Identifier: PostgreSQL
-- 250_credentials.sql - certificates for users: asking, recording, answering again. One implementation for 1 to 64 requests.

CREATE FUNCTION sft_core.credential_ask(req sft.request, ord int) RETURNS sft_core.ask
LANGUAGE plpgsql STABLE AS $$
DECLARE
    b jsonb := (req).body;
    a sft_core.ask;
BEGIN
    a.ord := ord; a.actor := (req).actor;
    a.kind := sft_core.need_text(b, 'kind', 32);
    IF a.kind = 'ssh_user' THEN
        PERFORM sft_core.only_fields(b, 'kind', 'server', 'public_key', 'ttl');
        a.server_name := sft_core.need_text(b, 'server');
    ELSIF a.kind = 'x509_client' THEN
        PERFORM sft_core.only_fields(b, 'kind', 'project', 'public_key', 'ttl');
        a.project_name := sft_core.need_text(b, 'project', 63);
    ELSE
        PERFORM sft_core.wrong('kind', 'is ssh_user or x509_client');
    END IF;
    a.ttl_s := sft_core.maybe_bigint(b, 'ttl', 60, 86400);
    SELECT k.type || ' ' || translate(encode(k.blob, 'base64'), E'\n', ''), k.fingerprint INTO a.public_key,
        a.fingerprint
      FROM sftca.parse_public_key(sft_core.need_text(b, 'public_key', 16384)) k;
    RETURN a;
END $$;
COMMENT ON FUNCTION sft_core.credential_ask(sft.request, int) IS 'What a request for a certificate asks. Refuses: kind_…, server_…, project_…, ttl_format, public_key_…, field_unknown.';

CREATE FUNCTION sft_core.credential_json(c sft.credentials, certificate text) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('request_id', (c).request_id, 'kind', (c).kind, 'serial', (c).serial, 'valid_after',
    sft_core.json_time((c).valid_after),
        'valid_before', sft_core.json_time((c).valid_before), 'server_user_name', (c).server_user_name, 'principal', (c).principal, 'admin', (c).admin,
        'project', (c).project, 'server_id', (c).server_id, 'authority_id', (c).authority_id)
    || CASE WHEN certificate IS NULL THEN '{}' ELSE jsonb_build_object('certificate', certificate) END
    || CASE WHEN certificate IS NULL OR (c).kind <> 'x509_client' THEN '{}' ELSE jsonb_build_object('chain',
        (SELECT k.certificate_pem FROM sftca.certificates r JOIN sftca.keys k ON k.authority_id = r.authority_id
            AND k.generation = r.generation WHERE r.id = (c).request_id)) END;
COMMENT ON FUNCTION sft_core.credential_json(sft.credentials, text) IS 'A credential as its owner sees it, with the certificate when there is one.';

CREATE FUNCTION sft_core.credential_again(c sft.credentials) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    f record;
BEGIN
    SELECT * INTO f FROM sftca.finish(ARRAY[c.request_id]);
    IF f.outcome = 'signed' THEN
        RETURN sft_core.reply(200, sft_core.credential_json(c, f.certificate));
    ELSIF f.outcome = 'not_committed' THEN
        RETURN (NULL, NULL, NULL, NULL, c.request_id, NULL)::sft.response;
    END IF;
    PERFORM sft_core.refuse(404, 'credential_unknown',
        'This certificate is not there any more; ask with a new request_id.');
END $$;
COMMENT ON FUNCTION sft_core.credential_again(sft.credentials) IS 'The answer to who asks again: the same certificate. Refuses: credential_unknown (expired, revoked).';

CREATE TYPE sft_core.deed AS (d sft_core.decision, was sft.credentials);
COMMENT ON TYPE sft_core.deed IS 'A decided ask, and what was recorded under its request_id before.';

CREATE FUNCTION sft_core.same_ask(a sft_core.ask, login text, c sft.credentials) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (c.kind, c.client_id, c.user_id, c.fingerprint, c.project_id, c.server_user_name, c.server_id)
        IS NOT DISTINCT FROM (a.kind, (a.actor).client_id, (a.actor).user_id, a.fingerprint, a.project_id, login,
            a.server_id);
END $$;
COMMENT ON FUNCTION sft_core.same_ask(sft_core.ask, text, sft.credentials) IS 'Whether an ask is the one that was recorded under its request_id.';

-- IS TRUE keeps team_id a check and not a way in: the plan, made on an empty table, must take the index on request_id.
CREATE FUNCTION sft_core.deeds_of(asks sft_core.ask[]) RETURNS sft_core.deed[]
LANGUAGE plpgsql AS $$
DECLARE
    deeds sft_core.deed[]; one sft_core.deed;
BEGIN
    IF (SELECT count(*) <> count(DISTINCT (a.actor).request_id) FROM unnest(asks) a) THEN
        PERFORM sft_core.refuse(409, 'request_taken', sft_core.sentence_of('request_taken'));     -- twice in a batch: the door goes row by row
    END IF;
    deeds := ARRAY(SELECT (d, (SELECT c FROM sft.credentials c WHERE d.allowed
        AND c.request_id = ((d.ask).actor).request_id
        AND (c.team_id = ((d.ask).actor).team_id) IS TRUE))::sft_core.deed
                     FROM sft_core.decide(asks) d);
    FOREACH one IN ARRAY deeds LOOP
        IF (one.was).request_id IS NOT NULL AND NOT sft_core.same_ask((one.d).ask, (one.d).server_user_name,
            one.was) THEN
            PERFORM sft_core.refuse(409, 'request_taken', sft_core.sentence_of('request_taken'));
        END IF;
    END LOOP;
    RETURN deeds;
END $$;
COMMENT ON FUNCTION sft_core.deeds_of(sft_core.ask[]) IS 'Decides asks and looks up what is recorded already under their request_ids. Refuses: request_taken.';

CREATE FUNCTION sft_core.credentials_record(deeds sft_core.deed[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    since   timestamptz := date_trunc('second', now()) - interval '60 seconds';
    started timestamptz := date_trunc('second', now());
BEGIN
    INSERT INTO sft.credentials (request_id, team_id, kind, project_id, server_id, user_id, client_id, session_id,
        authority_id, serial, fingerprint,
                                 server_user_name, principal, admin, ttl_s, valid_after, valid_before, project,
                                     decision, peer)
    SELECT w.request_id, w.team_id, a.kind, a.project_id, a.server_id, w.user_id, w.client_id, w.session_id,
        d.authority_id,
           CASE a.kind WHEN 'ssh_user' THEN
               sftca.prepare_ssh_user(w.request_id, d.authority_id, a.public_key,
                   concat_ws(':', 'sft1', d.team, d.project, d.user_name, w.request_id), ARRAY[d.principal],
                                      since, started + make_interval(secs => d.ttl_s), '{}', d.extensions)
           ELSE
               sftca.prepare_x509_client(w.request_id, d.authority_id, a.public_key, d.server_user_name, d.team,
                   d.project, concat_ws('/', 'sft:/', d.team, d.project, d.user_name),
                                         since, started + make_interval(secs => d.ttl_s))
           END, a.fingerprint, d.server_user_name, d.principal, d.admin, d.ttl_s, since,
               started + make_interval(secs => d.ttl_s), d.project, d.details, w.peer
      FROM unnest(deeds) x CROSS JOIN LATERAL (SELECT (x.d).* OFFSET 0) d
          CROSS JOIN LATERAL (SELECT (d.ask).* OFFSET 0) a CROSS JOIN LATERAL (SELECT (a.actor).* OFFSET 0) w
     WHERE d.allowed AND (x.was).request_id IS NULL;
END $$;
COMMENT ON FUNCTION sft_core.credentials_record(sft_core.deed[]) IS 'Records what was allowed and is new: the platform''s row and the vault''s. Refuses: request_taken.';

CREATE FUNCTION sft_core.credentials_note(deeds sft_core.deed[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sft.audit_events (team_id, type, actor_kind, actor, user_id, client_id, session_id, server_id,
        project_id, request_id, trace_id, peer, status, error, details)
    SELECT w.team_id, CASE WHEN d.allowed THEN 'user_creds.issue' ELSE 'request.refused' END, w.kind, w.name,
        w.user_id, w.client_id, w.session_id, a.server_id, a.project_id,
           w.request_id, w.trace_id, w.peer, d.status, d.error,
           jsonb_build_object('route', 'POST /v1/teams/{team}/credentials', 'kind', a.kind, 'server', a.server_name,
               'fingerprint', a.fingerprint, 'message', d.message,
                              'serial', c.serial, 'valid_before', c.valid_before, 'again', (x.was).request_id IS NOT NULL) || d.details
      FROM unnest(deeds) x CROSS JOIN LATERAL (SELECT (x.d).* OFFSET 0) d
          CROSS JOIN LATERAL (SELECT (d.ask).* OFFSET 0) a CROSS JOIN LATERAL (SELECT (a.actor).* OFFSET 0) w
      LEFT JOIN LATERAL (SELECT y.serial, y.valid_before FROM sft.credentials y WHERE d.allowed
          AND y.request_id = w.request_id AND (y.team_id = w.team_id) IS TRUE OFFSET 0) c ON true;
END $$;
COMMENT ON FUNCTION sft_core.credentials_note(sft_core.deed[]) IS 'The audit events of asks, granted or refused, each with the inputs and the result of the decision.';

CREATE FUNCTION sft_core.credential_response(d sft_core.decision, was sft.credentials) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    res sft.response;
BEGIN
    IF NOT d.allowed THEN
        res := sft_core.refusal(d.status, d.error, d.message, ((d.ask).actor).trace_id);
        res.error := NULL;                                   -- its event is written already, with the decision
        RETURN res;
    ELSIF was.request_id IS NOT NULL THEN
        RETURN sft_core.credential_again(was);
    END IF;
    RETURN (NULL, NULL, NULL, NULL, ((d.ask).actor).request_id, NULL)::sft.response;
END $$;
COMMENT ON FUNCTION sft_core.credential_response(sft_core.decision, sft.credentials) IS 'The answer to one ask: a refusal, the same certificate again, or the id to finish after the commit.';

CREATE FUNCTION sft_core.credentials_issue(reqs sft.request[]) RETURNS sft.response[]
LANGUAGE plpgsql AS $$
DECLARE
    asks sft_core.ask[] := '{}'; deeds sft_core.deed[]; one sft_core.deed; responses sft.response[]; req sft.request; i int := 0;
    state text; error text; message text; detail text;
BEGIN
    FOREACH req IN ARRAY reqs LOOP
        i := i + 1;
        BEGIN
            asks := asks || sft_core.credential_ask(req, i);
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, error = CONSTRAINT_NAME, message = MESSAGE_TEXT,
                detail = PG_EXCEPTION_DETAIL;
            IF sft_core.escapes(state) THEN
                RAISE;
            END IF;
            responses[i] := sft_core.refusal_of(state, error, message, detail, req.trace_id);
        END;
    END LOOP;
    IF cardinality(asks) = 0 THEN
        RETURN responses;
    END IF;
    deeds := sft_core.deeds_of(sft_core.target_all(asks));
    PERFORM sft_core.credentials_record(deeds);
    PERFORM sft_core.credentials_note(deeds);
    FOREACH one IN ARRAY deeds LOOP
        responses[((one.d).ask).ord] := sft_core.credential_response(one.d, one.was);
    END LOOP;
    RETURN responses;
END $$;
COMMENT ON FUNCTION sft_core.credentials_issue(sft.request[]) IS 'Answers authenticated requests for certificates, in their order; authenticate holds the fence: parses row by row in a caught block that writes nothing, then decides, records and notes as sets.';

CREATE FUNCTION sft_api.credential_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    RETURN (sft_core.credentials_issue(ARRAY[req]))[1];
END $$;
COMMENT ON FUNCTION sft_api.credential_create(sft.request) IS 'Issues a short-lived certificate for the caller''s key. Refuses: not_granted, locked, source_address_denied, sign_in_too_old, ttl_too_long, server_unknown, server_ambiguous, project_unknown, public_key_…, request_taken.';

CREATE FUNCTION sft_api.credential_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    c sft.credentials;
BEGIN
    SELECT x.* INTO c FROM sft.credentials x
     WHERE x.team_id = (req.actor).team_id AND x.client_id = (req.actor).client_id AND x.request_id = CASE
         WHEN sft_core.is_uuid(req.params[2]) THEN req.params[2]::uuid END;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'credential_unknown', 'This client has no such certificate.');
    END IF;
    RETURN sft_core.credential_again(c);
END $$;
COMMENT ON FUNCTION sft_api.credential_show(sft.request) IS 'A certificate of this client again. Refuses: credential_unknown.';

-- the record of an issue is its nonce
INSERT INTO sft_core.routes (method, path, max_body, batch, auth, writes, proc, proc_set) VALUES
    ('POST', '/v1/teams/{team}/credentials',          32768, true,  'user',   false, 'credential_create', 'credentials_issue'),
    ('GET',  '/v1/teams/{team}/credentials/{request_id}', 0, false, 'client', NULL,  'credential_show', NULL);

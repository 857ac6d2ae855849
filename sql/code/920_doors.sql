-- SPDX-License-Identifier: PostgreSQL
-- 920_doors.sql - the two doors: every HTTP request enters by handle and leaves as a row; finish signs what was recorded and committed.

CREATE FUNCTION sft_core.escapes(state text) RETURNS boolean
LANGUAGE sql IMMUTABLE
RETURN state ~ '^(08|40|53|57|58|XX)' OR state IN ('25006', '55P03', '42883', '42P01', '0A000', '42703');
COMMENT ON FUNCTION sft_core.escapes(text) IS 'Whether an error is none of the request''s: it leaves the door, and the gateway tries again or answers 5xx (docs/doors.md).';

CREATE FUNCTION sft_core.note_refusals(whos sft.actor[], reqs sft.request[], responses sft.response[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.see_teams(VARIADIC ARRAY(SELECT DISTINCT w.team_id FROM unnest(whos) w
        WHERE w.team_id IS NOT NULL));
    INSERT INTO sft.audit_events (team_id, type, actor_kind, actor, user_id, client_id, session_id, server_id,
        project_id, request_id, trace_id, peer, status, error, details)
    SELECT w.team_id, 'request.refused', w.kind, w.name, w.user_id, w.client_id, w.session_id, w.server_id,
        w.project_id, w.request_id, q.trace_id, q.peer, a.status, a.error,
           jsonb_build_object('route', q.route, 'params', to_jsonb(q.params), 'message',
               convert_from(a.body, 'UTF8')::jsonb->'message')
      FROM generate_subscripts(responses, 1) i, LATERAL (SELECT (whos[i]).*) w, LATERAL (SELECT (reqs[i]).*) q,
          LATERAL (SELECT (responses[i]).*) a
     WHERE a.error IS NOT NULL AND w.team_id IS NOT NULL;
    INSERT INTO sft.refusals AS r (peer, minute, error, count)
    SELECT coalesce(host((reqs[i]).peer), ''), date_trunc('minute', now()), (responses[i]).error, count(*)
      FROM generate_subscripts(responses, 1) i
     WHERE (responses[i]).error IS NOT NULL AND (whos[i]).team_id IS NULL
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT ON CONSTRAINT refusal_taken DO UPDATE SET count = r.count + EXCLUDED.count;
    IF random() < 0.005 THEN
        DELETE FROM sft.refusals r WHERE r.minute < now() - interval '7 days';
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.note_refusals(sft.actor[], sft.request[], sft.response[]) IS 'Writes down refusals that are not yet: an audit event where it is known who asked, a count per peer and minute otherwise.';

-- A bearer's calls have no nonce: they are not signed, so nothing tells a repeat.
CREATE FUNCTION sft_core.nonce_check(who sft.actor) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    first_answer int;
BEGIN
    SELECT n.first_status INTO first_answer FROM sft.nonces n WHERE n.actor_id = coalesce(who.client_id,
        who.server_id) AND n.request_id = who.request_id;
    IF FOUND THEN
        PERFORM sft_core.refuse(409, 'request_replayed', 'This request was made before.',
            jsonb_build_object('first_status', first_answer));
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.nonce_check(sft.actor) IS 'Refuses: request_replayed, with the first answer''s status.';

CREATE FUNCTION sft_core.nonce_keep(who sft.actor, status int) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(who.client_id, who.server_id) IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO sft.nonces (actor_id, request_id, first_status) VALUES (coalesce(who.client_id, who.server_id),
        who.request_id, status);
    IF random() < 0.02 THEN
        DELETE FROM sft.nonces n WHERE n.created_at < now() - interval '1 hour';
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.nonce_keep(sft.actor, int) IS 'Keeps a write''s request_id, and forgets old ones now and then. Of two at once the second is refused: request_replayed.';

CREATE FUNCTION sft_core.nonce_keep_refused(who sft.actor, res sft.response, trace_id text) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    first_answer int;
BEGIN
    IF coalesce(who.client_id, who.server_id) IS NULL OR who.request_id IS NULL THEN
        RETURN res;
    END IF;
    INSERT INTO sft.nonces (actor_id, request_id, first_status) VALUES (coalesce(who.client_id, who.server_id), who.request_id, res.status)
    ON CONFLICT ON CONSTRAINT request_replayed DO NOTHING;
    IF FOUND THEN
        RETURN res;
    END IF;
    -- its double was answered meanwhile: what was in the way may be what the double did
    SELECT n.first_status INTO first_answer FROM sft.nonces n WHERE n.actor_id = coalesce(who.client_id, who.server_id) AND n.request_id = who.request_id;
    RETURN sft_core.refusal(409, 'request_replayed', 'This request was made before.', trace_id, jsonb_build_object('first_status', first_answer));
END $$;
COMMENT ON FUNCTION sft_core.nonce_keep_refused(sft.actor, sft.response, text) IS 'Keeps the request_id of a write that was refused; where it is there already the refusal is request_replayed, with the first answer''s status.';

CREATE FUNCTION sft_core.identify(req sft.request, auth text, roles text[]) RETURNS sft_core.identity
LANGUAGE plpgsql AS $$
DECLARE
    found_who sft_core.identity;
BEGIN
    IF roles IS NOT NULL AND sft_core.header((req).headers, 'authorization') IS NOT NULL THEN
        RETURN sft_core.identify_bearer(req);
    END IF;
    SELECT * INTO found_who FROM sft_core.authenticate(ARRAY[req], CASE auth WHEN 'member' THEN 'user' ELSE auth END);
    RETURN found_who;
END $$;
COMMENT ON FUNCTION sft_core.identify(sft.request, text, text[]) IS 'Who made a request of a kind (client, user, member, server): by its bearer token if it brings one where roles count, else by its signature.';

CREATE FUNCTION sft_core.admit(who sft.actor, roles text[]) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM sft_core.quota_need(who);
    PERFORM sft_core.refuse_locked(who);
    PERFORM sft_core.need_roles(who, roles);
END $$;
COMMENT ON FUNCTION sft_core.admit(sft.actor, text[]) IS 'The one place where a member of a team is let in to an endpoint. Refuses: too_many_requests, locked, role_missing.';

-- One request in, one answer out; raises only what escapes.
CREATE FUNCTION sft_core.answer(route text, params bytea, method text, target bytea, headers bytea, body bytea,
    peer text, trace_id text) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    req sft.request; res sft.response; who sft.actor; found_who sft_core.identity; r record;
    state text; error text; message text; detail text;
BEGIN
    PERFORM sft_core.see_teams();
    BEGIN
        SELECT v.proc, v.auth, v.roles, v.product, v.writes INTO r FROM sft_api.route v WHERE v.key = answer.route;
        IF NOT FOUND THEN
            PERFORM sft_core.refuse(404, 'route_unknown', 'There is nothing here.');
        END IF;
        req := sft_core.parse_request(route, params, method, target, headers, body, peer, trace_id, r.product);
        IF r.auth NOT IN ('none', 'self') THEN
            found_who := sft_core.identify(req, r.auth, r.roles);
            who := found_who.actor;
            IF found_who.error IS NOT NULL THEN
                PERFORM sft_core.refuse(found_who.status, found_who.error, found_who.message, found_who.extra);
            END IF;
            req.actor := who; req.request_id := who.request_id;
            IF r.roles IS NOT NULL AND (r.auth = 'member' OR who.client_id IS NULL) THEN
                PERFORM sft_core.admit(who, r.roles);
            END IF;
            IF r.writes THEN
                PERFORM sft_core.nonce_check(who);
            END IF;
        END IF;
        EXECUTE format('SELECT * FROM %s($1)', r.proc::oid::regproc) INTO res USING req;
        IF r.writes THEN
            PERFORM sft_core.nonce_keep(who, coalesce(res.status, 201));
        END IF;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, error = CONSTRAINT_NAME, message = MESSAGE_TEXT,
            detail = PG_EXCEPTION_DETAIL;
        IF sft_core.escapes(state) THEN
            RAISE;
        END IF;
        res := sft_core.refusal_of(state, error, message, detail, trace_id);
        req.route := route; req.trace_id := trace_id; req.peer := sft_core.peer_of(peer);
        IF r.writes AND res.error <> 'request_replayed' THEN
            res := sft_core.nonce_keep_refused(who, res, trace_id);
        END IF;
    END;
    IF res.error IS NOT NULL THEN
        PERFORM sft_core.note_refusals(ARRAY[who], ARRAY[req], ARRAY[res]);
    END IF;
    IF r.roles IS NOT NULL AND who.user_id IS NOT NULL AND found_who.error IS NULL THEN
        PERFORM sft_core.see_teams(who.team_id), sft_core.quota_use(who);
        res.headers := coalesce(res.headers, '') || sft_core.quota_headers(who, res.status);
    END IF;
    RETURN res;
END $$;
COMMENT ON FUNCTION sft_core.answer(text, bytea, text, bytea, bytea, bytea, text, text) IS 'Answers one request: parse, authenticate, admit, act, all in a caught block; a refusal is written down outside it, so that it commits.';

-- All requests of one batchable route as sets. Raises where something unusual is in the way; then the door goes row by row.
CREATE FUNCTION sft_core.answer_set(routes text[], params bytea[], methods text[], targets bytea[], headers bytea[],
    bodies bytea[], peers text[], trace_ids text[],
                                    auth text, proc_set oid) RETURNS sft.response[]
LANGUAGE plpgsql AS $$
DECLARE
    reqs sft.request[]; whos sft.actor[]; responses sft.response[]; good int[] := '{}'; able int[] := '{}'; done sft.response[];
    someone sft_core.identity; req sft.request; n int := cardinality(routes);
    state text; error text; message text; detail text;
BEGIN
    FOR i IN 1..n LOOP
        responses[i] := NULL; whos[i] := NULL;
        BEGIN
            reqs[i] := sft_core.parse_request(routes[i], params[i], methods[i], targets[i], headers[i], bodies[i],
                peers[i], trace_ids[i]);
            good := good || i;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, error = CONSTRAINT_NAME, message = MESSAGE_TEXT,
                detail = PG_EXCEPTION_DETAIL;
            IF sft_core.escapes(state) THEN
                RAISE;
            END IF;
            responses[i] := sft_core.refusal_of(state, error, message, detail, trace_ids[i]);
            req := NULL; req.route := routes[i]; req.trace_id := trace_ids[i]; req.peer := sft_core.peer_of(peers[i]);
            reqs[i] := req;
        END;
    END LOOP;
    FOR someone IN SELECT * FROM sft_core.authenticate(ARRAY(SELECT reqs[g] FROM unnest(good) WITH ORDINALITY u (g, o)
        ORDER BY o), auth) a ORDER BY a.ord LOOP
        n := good[someone.ord];
        whos[n] := someone.actor;
        IF someone.error IS NOT NULL THEN
            responses[n] := sft_core.refusal(someone.status, someone.error, someone.message, trace_ids[n],
                someone.extra);
        ELSE
            req := reqs[n]; req.actor := someone.actor; req.request_id := (someone.actor).request_id; reqs[n] := req;
            able := able || n;
        END IF;
    END LOOP;
    IF cardinality(able) > 0 THEN
        EXECUTE format('SELECT %s($1)', proc_set::regproc) INTO done USING ARRAY(SELECT reqs[g] FROM unnest(able) WITH
            ORDINALITY u (g, o) ORDER BY o);
        FOR i IN 1..cardinality(able) LOOP
            responses[able[i]] := done[i];
        END LOOP;
    END IF;
    IF EXISTS (SELECT FROM unnest(responses) a WHERE a.error IS NOT NULL) THEN
        PERFORM sft_core.note_refusals(whos, reqs, responses);
    END IF;
    RETURN responses;
END $$;
COMMENT ON FUNCTION sft_core.answer_set(text[], bytea[], text[], bytea[], bytea[], bytea[], text[], text[], text, oid) IS 'Answers a batch of one route: parses row by row in a caught block that writes nothing, then does the rest as sets.';

CREATE FUNCTION sft_core.try_set(routes text[], params bytea[], methods text[], targets bytea[], headers bytea[],
    bodies bytea[], peers text[], trace_ids text[]) RETURNS sft.response[]
LANGUAGE plpgsql AS $$
DECLARE
    r record; state text; message text;
BEGIN
    SELECT v.auth, v.proc_set::oid AS proc_set INTO r FROM sft_api.route v WHERE v.key = routes[1] AND v.batch;
    IF r.proc_set IS NULL OR routes[1] <> ALL (routes) THEN
        RETURN NULL;
    END IF;
    RETURN sft_core.answer_set(routes, params, methods, targets, headers, bodies, peers, trace_ids, r.auth, r.proc_set);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
    IF sft_core.escapes(state) THEN
        RAISE;
    END IF;
    RAISE DEBUG 'sft: batch of % goes row by row: % %', cardinality(routes), state, message;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION sft_core.try_set(text[], bytea[], text[], bytea[], bytea[], bytea[], text[], text[]) IS 'The answers of a batch done as sets, or null where it has to be done row by row.';

CREATE FUNCTION sft_core.check_batch(routes text[], VARIADIC lengths int[]) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF coalesce(array_ndims(routes), 0) <> 1 OR array_lower(routes, 1) <> 1 OR cardinality(routes) > 64
        OR lengths <> array_fill(cardinality(routes), ARRAY[cardinality(lengths)])
       OR array_position(lengths, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'handle takes arrays of one length, 1 to 64' USING ERRCODE = 'array_subscript_error';
    END IF;
    IF current_setting('transaction_isolation') <> 'read committed'
        OR clock_timestamp() > now() + interval '30 seconds' THEN
        RAISE EXCEPTION 'handle wants a young transaction that is read committed'
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF cardinality(routes) > 1 AND EXISTS (SELECT FROM (SELECT DISTINCT x FROM unnest(routes) x) d (r)
        WHERE NOT EXISTS (SELECT FROM sft_api.route v WHERE v.batch AND v.key = r)) THEN
        RAISE EXCEPTION 'only batchable routes share a call' USING ERRCODE = 'array_subscript_error';
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.check_batch(text[], int[]) IS 'Whether the gateway called the door as it should. Under an old snapshot or an old now() it could have decided what was allowed then.';

CREATE FUNCTION sft_api.handle(routes text[], params bytea[], methods text[], targets bytea[], authorities bytea[],
    header_lines bytea[], bodies bytea[], peers text[], trace_ids text[])
RETURNS TABLE (trace_id text, status int, headers text, body bytea, wait text[], continue_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    responses sft.response[];
BEGIN
    PERFORM sft_core.check_batch(routes, cardinality(params), cardinality(methods), cardinality(targets),
        cardinality(authorities), cardinality(header_lines),
                                 cardinality(bodies), cardinality(peers), cardinality(trace_ids));
    -- what a caller has put there would open the wall for rows of its choice
    PERFORM set_config('sft.requests', '', true), set_config('sft.token', '', true);
    responses := sft_core.try_set(routes, params, methods, targets, header_lines, bodies, peers, trace_ids);
    IF responses IS NULL THEN
        FOR i IN 1..cardinality(routes) LOOP
            responses[i] := sft_core.answer(routes[i], params[i], methods[i], targets[i], header_lines[i], bodies[i],
                peers[i], trace_ids[i]);
        END LOOP;
    END IF;
    PERFORM sft_core.see_teams();
    RETURN QUERY SELECT trace_ids[o], r.status, r.headers, r.body, r.wait, r.continue_id
                   FROM unnest(responses) WITH ORDINALITY r (status, headers, body, wait, continue_id, error, o);
END $$;
COMMENT ON FUNCTION sft_api.handle(text[], bytea[], text[], bytea[], bytea[], bytea[], bytea[], text[], text[]) IS 'The door of every HTTP request, 1 to 64 at a time (docs/doors.md). All that a caller wrote is decoded inside its own row.';

CREATE FUNCTION sft_core.finish_one(outcome text, certificate text, c sft.credentials,
    h sft.host_certificates) RETURNS sft.response
LANGUAGE sql STABLE
RETURN CASE
    WHEN outcome = 'signed' AND (c).request_id IS NOT NULL THEN sft_core.reply(201,
        sft_core.credential_json(c, certificate))
    WHEN outcome = 'signed' AND (h).request_id IS NOT NULL THEN sft_core.reply(201,
        sft_core.host_certificate_json(h, certificate))
    WHEN outcome = 'not_committed' THEN sft_core.refusal(409, 'not_committed',
        'This certificate''s record is not committed.', NULL)
    WHEN outcome = 'unavailable' THEN sft_core.refusal(503, 'key_unavailable',
        'The key of this authority cannot be used just now.', NULL)
    ELSE sft_core.refusal(404, 'credential_unknown', 'There is no such certificate, or not any more.', NULL) END;
COMMENT ON FUNCTION sft_core.finish_one(text, text, sft.credentials, sft.host_certificates) IS 'The answer for an id that the vault finished, from the platform''s row of it.';

CREATE FUNCTION sft_api.finish(ids uuid[]) RETURNS TABLE (id uuid, status int, headers text, body bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted uuid[] := ARRAY(SELECT DISTINCT i FROM unnest(ids) i WHERE i IS NOT NULL);
BEGIN
    IF cardinality(wanted) > 256 THEN
        RAISE EXCEPTION 'finish takes at most 256 ids' USING ERRCODE = 'array_subscript_error';
    END IF;
    PERFORM sft_core.see_teams(), set_config('sft.requests', wanted::text, true);
    RETURN QUERY
    SELECT w, (a.r).status, (a.r).headers, (a.r).body
      FROM unnest(wanted) w
      LEFT JOIN sftca.finish(wanted) f ON f.id = w
      LEFT JOIN sft.credentials c ON c.request_id = w
      LEFT JOIN sft.host_certificates h ON h.request_id = w
      CROSS JOIN LATERAL (SELECT sft_core.finish_one(f.outcome, f.certificate, c, h) AS r OFFSET 0) a;
    PERFORM set_config('sft.requests', '', true);
END $$;
COMMENT ON FUNCTION sft_api.finish(uuid[]) IS 'Signs what was recorded and committed, and answers with it (docs/doors.md). Needs no identity.';

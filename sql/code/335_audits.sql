-- SPDX-License-Identifier: PostgreSQL
-- 335_audits.sql - what happened in a team, as log collectors of the product read it: events by number, and the objects that they name.

-- An id is eight bytes of nothing and the event's number: base64 of 16 bytes, as the product's.
CREATE FUNCTION sft_core.event_id(number bigint) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN encode('\x0000000000000000'::bytea || int8send(number), 'base64');
COMMENT ON FUNCTION sft_core.event_id(bigint) IS 'The id of an audit event in answers; it can be the offset of the next question.';

CREATE FUNCTION sft_core.event_mark(req sft.request) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    asked text := replace(sft_core.query_text((req).query, 'offset'), ' ', '+');     -- a + that was not escaped
    mark  sft_core.entry;
BEGIN
    IF asked ~ '^[A-Za-z0-9+/]{22}==$' THEN
        RETURN ('x' || substr(encode(decode(asked, 'base64'), 'hex'), 18))::bit(60)::bigint;
    END IF;
    mark := sft_core.page_mark(req);
    IF mark.key !~ '^[0-9]{1,18}$' THEN
        PERFORM sft_core.wrong('offset', 'is what the last page''s Link gave, or the id of an event');
    END IF;
    RETURN mark.key::bigint;
END $$;
COMMENT ON FUNCTION sft_core.event_mark(sft.request) IS 'The number of the event after which a page starts, or null. Refuses: offset_format.';

CREATE FUNCTION sft_core.event_object_id(kind text, id uuid) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN id IS NOT NULL THEN translate(encode(sha256(convert_to(kind || '/' || id, 'UTF8')), 'base64'), E'\n', '') END;
COMMENT ON FUNCTION sft_core.event_object_id(text, uuid) IS 'The key of an object in related_objects.';

CREATE FUNCTION sft_core.event_json(e sft.audit_events, team text) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', sft_core.event_id((e).id), 'timestamp', to_char((e).at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'details', (e).details
    || jsonb_build_object('type', (e).type, 'actor', coalesce(sft_core.event_object_id('user', (e).user_id), ''), 'actor_kind', (e).actor_kind, 'actor_name', (e).actor,
        'client', sft_core.event_object_id('client', (e).client_id), 'target_server', coalesce(sft_core.event_object_id('server', (e).server_id), ''),
        'session_type', coalesce((e).details->>'session_type', ''),
        'project', sft_core.event_object_id('project', (e).project_id), 'team_id', (e).team_id, 'team_name', team, 'trace_id', (e).trace_id, 'request_id', (e).request_id,
        'peer', host((e).peer), 'status', (e).status, 'error', (e).error, 'via', NULL));
COMMENT ON FUNCTION sft_core.event_json(sft.audit_events, text) IS 'An audit event as answers show it: its details, and who, from where, in which call.';

CREATE FUNCTION sft_core.event_objects(team_id uuid, numbers bigint[]) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    WITH e AS (SELECT x.user_id, x.client_id, x.server_id, x.project_id FROM sft.audit_events x
                WHERE x.team_id = event_objects.team_id AND x.id = ANY (numbers))
    SELECT coalesce(jsonb_object_agg(sft_core.event_object_id(o.kind, o.id), jsonb_build_object('type', o.kind, 'object', o.object)), '{}') FROM (
        SELECT 'user' AS kind, u.id, sft_core.user_json(u) AS object FROM sft.users u WHERE u.team_id = $1 AND u.id IN (SELECT e.user_id FROM e)
        UNION ALL SELECT 'client', c.id, jsonb_build_object('id', c.id, 'hostname', c.hostname, 'os', c.os, 'description', c.description, 'encrypted', c.encrypted,
                         'state', c.state, 'user_name', (SELECT u.name FROM sft.users u WHERE u.team_id = $1 AND u.id = c.user_id), 'deleted_at', sft_core.json_time(c.deleted_at))
                    FROM sft.clients c WHERE c.team_id = $1 AND c.id IN (SELECT e.client_id FROM e)
        UNION ALL SELECT 'server', v.id, jsonb_build_object('id', v.id, 'hostname', v.hostname, 'deleted_at', sft_core.json_time(v.deleted_at))
                    FROM sft.servers v WHERE v.team_id = $1 AND v.id IN (SELECT e.server_id FROM e)
        UNION ALL SELECT 'project', p.id, jsonb_build_object('id', p.id, 'name', p.name, 'deleted_at', sft_core.json_time(p.deleted_at))
                    FROM sft.projects p WHERE p.team_id = $1 AND p.id IN (SELECT e.project_id FROM e)) o
$$;
COMMENT ON FUNCTION sft_core.event_objects(uuid, bigint[]) IS 'The users, clients, servers and projects that events name, under their keys.';

-- Numbers are given before the commit: an event may come later than one with a higher number. A collector that had moved on would never see it,
-- so only what no call under way can still precede is shown (after a minute everything is: no call lasts so long).
CREATE FUNCTION sft_core.event_entries(by sft.actor, mark bigint, upward boolean, many bigint) RETURNS sft_core.entry[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    everything boolean := sft_core.sees_all(by);
    own        uuid[]  := CASE WHEN everything THEN '{}' ELSE sft_core.projects_of_user((by).team_id, (by).user_id) END;
    settled    int     := age(pg_snapshot_xmin(pg_current_snapshot())::xid);
    numbers    bigint[];
BEGIN
    IF upward THEN
        numbers := ARRAY(SELECT e.id FROM sft.audit_events e WHERE e.team_id = (by).team_id AND e.id > coalesce(mark, 0)
            AND (age(e.xmin) > settled OR e.at < now() - interval '1 minute') AND (everything OR e.user_id = (by).user_id OR e.project_id = ANY (own))
            ORDER BY e.id LIMIT many);
    ELSE
        numbers := ARRAY(SELECT e.id FROM sft.audit_events e WHERE e.team_id = (by).team_id AND e.id < coalesce(mark, 9223372036854775807)
            AND (age(e.xmin) > settled OR e.at < now() - interval '1 minute') AND (everything OR e.user_id = (by).user_id OR e.project_id = ANY (own))
            ORDER BY e.id DESC LIMIT many);
    END IF;
    RETURN ARRAY(SELECT (lpad(n::text, 18, '0'), sft_core.event_id(n))::sft_core.entry FROM unnest(numbers || mark) n WHERE n IS NOT NULL);
END $$;
COMMENT ON FUNCTION sft_core.event_entries(sft.actor, bigint, boolean, bigint) IS 'The next events after a number, or before it, that the caller may see: all, or those of the own user and projects; and the mark itself.';

CREATE FUNCTION sft_api.audit_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who  sft.actor := req.actor;
    mark bigint := sft_core.event_mark(req);
    page sft_core.page;
    numbers bigint[]; team text;
BEGIN
    IF mark IS NOT NULL THEN
        req.query := req.query || jsonb_build_object('offset', sft_core.event_id(mark));
    END IF;
    page := sft_core.page_of(req, sft_core.event_entries(who, mark,
        sft_core.query_flag(req.query, 'descending') = sft_core.query_flag(req.query, 'prev'), sft_core.page_count(req) + 1));
    numbers := ARRAY(SELECT ('x' || substr(encode(decode(i.id, 'base64'), 'hex'), 18))::bit(60)::bigint
        FROM unnest(page.ids) WITH ORDINALITY i (id, o) ORDER BY i.o);
    SELECT t.name INTO team FROM sft.teams t WHERE t.id = who.team_id;
    RETURN sft_core.reply(200, jsonb_build_object('related_objects', sft_core.event_objects(who.team_id, numbers),
        'list', to_jsonb(ARRAY(SELECT sft_core.event_json(e, team) FROM unnest(numbers) WITH ORDINALITY n (id, o)
            JOIN sft.audit_events e ON e.team_id = who.team_id AND e.id = n.id ORDER BY n.o))), page.headers);
END $$;
COMMENT ON FUNCTION sft_api.audit_list(sft.request) IS 'The events of the team, oldest first; an access_user sees those of the own user and projects. Refuses: count_format, offset_format, descending_format, prev_format.';

INSERT INTO sft_core.routes (method, path, auth, roles, product, proc) VALUES
    ('GET', '/v1/teams/{team}/auditsV2', 'member', '{access_admin,access_user,reporting_user}', true, 'audit_list');

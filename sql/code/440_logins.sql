-- SPDX-License-Identifier: PostgreSQL
-- 440_logins.sql - logins that agents report, joined to the certificates that opened them.

CREATE FUNCTION sft_core.login_json(e sft.audit_events) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', e.id::text, 'reported_at', sft_core.json_time(e.at), 'server_id', e.server_id,
        'hostname', v.hostname, 'project_name', p.name, 'user_name', u.name, 'request_id', c.request_id,
        'details', e.details)
      FROM (SELECT 1) one
      LEFT JOIN sft.servers v ON v.team_id = e.team_id AND v.id = e.server_id
      LEFT JOIN sft.projects p ON p.team_id = e.team_id AND p.id = coalesce(e.project_id, v.project_id)
      LEFT JOIN LATERAL (SELECT r.id FROM sftca.certificates r WHERE r.serial = CASE
          WHEN e.details->>'serial' ~ '^[1-9][0-9]{0,17}$' THEN (e.details->>'serial')::bigint END OFFSET 0) r ON true
      LEFT JOIN sft.credentials c ON c.team_id = e.team_id AND c.request_id = r.id
      LEFT JOIN sft.users u ON u.team_id = e.team_id AND u.id = c.user_id
$$;
COMMENT ON FUNCTION sft_core.login_json(sft.audit_events) IS 'A login as answers show it: what the agent said, and whose certificate it was, by its serial.';

CREATE FUNCTION sft_api.login_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who  sft.actor := req.actor;
    mark sft_core.entry := sft_core.page_mark(req, ARRAY(SELECT (lpad(e.id::text, 20, '0'), e.id)::sft_core.entry FROM sft.audit_events e
             WHERE e.team_id = who.team_id AND e.type = 'server.ssh_login'
               AND e.id = CASE WHEN req.query->>'offset' ~ '^[0-9]{1,18}$' THEN (req.query->>'offset')::bigint END));
    page sft_core.page;
BEGIN
    IF mark.id !~ '^[0-9]{1,18}$' THEN                       -- a cursor is what anybody may write
        PERFORM sft_core.wrong('offset', 'is what the last page''s Link gave, or the id of an item of the list');
    END IF;
    -- a ledger: only as much of it is read as the page needs, and only onward
    page := sft_core.page_of(req, ARRAY(SELECT (lpad(e.id::text, 20, '0'), e.id)::sft_core.entry FROM sft.audit_events e
        WHERE e.team_id = who.team_id AND e.type = 'server.ssh_login' AND (mark.id IS NULL OR e.id <= mark.id::bigint)
        ORDER BY e.id DESC LIMIT sft_core.page_count(req) + 2), newest => true);
    RETURN sft_core.page_reply(page, ARRAY(SELECT l.item FROM unnest(page.ids::bigint[]) WITH ORDINALITY n (id, o)
        CROSS JOIN LATERAL (SELECT sft_core.login_json(e) AS item FROM sft.audit_events e WHERE e.team_id = who.team_id AND e.id = n.id OFFSET 0) l ORDER BY n.o));
END $$;
COMMENT ON FUNCTION sft_api.login_list(sft.request) IS 'Logins that agents have reported, newest first. Refuses: count_format, offset_format, descending_format, prev_format.';

INSERT INTO sft_core.routes (method, path, auth, roles, proc) VALUES
    ('GET', '/v1/teams/{team}/logins', 'member', '{access_admin,reporting_user}', 'login_list');
